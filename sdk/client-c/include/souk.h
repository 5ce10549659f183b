/* Souk's licence checks for C and C++.
 *
 * Every text is UTF-8 and ends with a zero byte. Times are seconds since 1970, as time(NULL) has them.
 * Functions may be called from any thread; what they make may be used by several at once, and is freed by one, when the
 * others are done. What goes in stays the caller's, and is copied where it is needed later.
 */
#ifndef SOUK_H
#define SOUK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the functions answer with. */
enum {
  SOUK_OK = 0,
  SOUK_INVALID_ARGUMENT = 1,      /* null, not UTF-8, too small, out of range */
  SOUK_INVALID_PUBLIC_KEY = 2,    /* the public keys cannot be read */
  SOUK_MALFORMED = 3,             /* not a file of this kind, or not all of it */
  SOUK_UNSUPPORTED_ALGORITHM = 4, /* signed or encrypted in another way */
  SOUK_UNKNOWN_KEY = 5,           /* signed by a key that is not trusted (yet) */
  SOUK_FORGED = 6,                /* the signature does not fit */
  SOUK_UNDECRYPTABLE = 7,         /* not with this licence key, or not on this machine */
  SOUK_WRONG_LICENCE = 8,         /* for another licence key */
  SOUK_WRONG_MACHINE = 9,         /* for another machine */
  SOUK_NOT_YET_VALID = 10,        /* made later than now: the clock is behind */
  SOUK_EXPIRED = 11,              /* ended: fetch a new one */
  SOUK_CLOCK_ROLLED_BACK = 12,    /* the clock was put back */
  SOUK_NO_FINGERPRINT = 13,       /* the system does not say which machine this is, or the salt is empty */
  SOUK_INTERNAL = 14,             /* a mistake of this library */
  SOUK_REFUSED = 15,              /* the marketplace refuses, such as when no seat is free: see souk_problem_code */
  SOUK_DENIED = 16,               /* the licence key opens nothing (any more), or there is no such machine */
  SOUK_UNREACHABLE = 17,          /* the marketplace cannot be reached, or is busy: later, perhaps */
  SOUK_NOT_THE_MARKETPLACE = 18,  /* somebody else answers in its place, such as a portal that wants a log-in */
  SOUK_OFFLINE = 19               /* it cannot be reached, and no grace and no file stands in for its answer */
};

/* 64 digits and the zero behind them. */
#define SOUK_FINGERPRINT_SIZE 65

/* A verified file. */
typedef struct souk_file souk_file;

/* Verifies a licence file.
 *
 * public_keys: the marketplace's JSON Web Key Set, or hexadecimal keys with white space or commas between.
 * key:         the licence key; NULL opens plain files only, and for whom the file is stays to be compared.
 * out:         takes the file where the answer is SOUK_OK, else NULL. Free it with souk_file_free. */
int32_t souk_verify_licence_file(const char *file, const char *public_keys, const char *key, int64_t now,
                                 souk_file **out);

/* Verifies a machine's file: for this fingerprint and no other. */
int32_t souk_verify_machine_file(const char *file, const char *public_keys, const char *key, const char *fingerprint,
                                 int64_t now, souk_file **out);

/* The JSON:API document of the licence or machine. It lives as long as the file. NULL of NULL. */
const char *souk_file_json(const souk_file *file);

/* When the file was made. 0 of NULL. */
int64_t souk_file_issued(const souk_file *file);

/* When the file ends; INT64_MAX where it never does. 0 of NULL. */
int64_t souk_file_expiry(const souk_file *file);

/* 1 where the licence has the entitlement with this code, else 0. */
int32_t souk_file_allows(const souk_file *file, const char *entitlement);

/* Frees a file and its document. NULL is nothing to be freed. */
void souk_file_free(souk_file *file);

/* The fingerprint of this machine, as hexadecimal digits. It differs from application to application by the salt,
 * which an application never changes.
 *
 * size: of out, SOUK_FINGERPRINT_SIZE at least. */
int32_t souk_fingerprint(const char *salt, char *out, size_t size);

/* Moves the latest time that was ever seen forward, or answers SOUK_CLOCK_ROLLED_BACK where the clock is behind it by
 * more than the tolerance, in seconds (a day is a good one). The application keeps the mark, from 0 on. */
int32_t souk_clock_advance(int64_t *mark, int64_t now, int64_t tolerance_s);

/* A status in words, which need not be freed. */
const char *souk_status_message(int32_t status);

/* With a connection: in a library that was built with the feature `online`.
 *
 * A client asks the marketplace about one licence on one machine. Its functions block, for timeout_s times attempts and
 * the pauses between at worst: not for the thread that draws or plays. souk_client_offline does not. */
typedef struct souk_client souk_client;

/* How the licence stands. */
typedef struct souk_standing souk_standing;

/* What a client is made of. Fill it with zeros, then set its size and what is known: what stays NULL or 0 is left out,
 * or as it says here. */
typedef struct souk_settings {
  size_t size;              /* sizeof(souk_settings) */
  const char *marketplace;  /* https://..., without /v1 */
  const char *licence_id;
  const char *key;          /* as the customer has typed it */
  const char *product;      /* the listing that asks: a licence for another one is not valid */
  const char *version;      /* its version */
  const char *salt;         /* this machine is known by its parts and by what souk_fingerprint makes of this; */
  const char *fingerprint;  /* or by this fingerprint: not both */
  const char *state_path;   /* a file for what holds offline, between runs too; NULL: until the client is freed */
  const char *licence_file; /* the text of a file that stands in when the grace is over; */
  const char *machine_file; /* or of a machine's file: not both */
  const char *public_keys;  /* for it, as souk_verify_licence_file takes them */
  int64_t grace_s;          /* how long the last good answer holds offline; 0: a week; less: not at all */
  int64_t tolerance_s;      /* how far the clock may be wrong; 0: a day; less: not at all */
  uint32_t attempts;        /* how often a request is sent at most; 0: three times */
  uint32_t timeout_s;       /* how long an answer is waited for; 0: ten seconds */
} souk_settings;

/* Makes a client, without asking anybody yet. Wrong settings are SOUK_INVALID_ARGUMENT, and souk_problem_message may
 * say which.
 *
 * out: takes the client where the answer is SOUK_OK, else NULL. Free it with souk_client_free. */
int32_t souk_client_new(const souk_settings *settings, souk_client **out);

/* Asks whether the licence may be used here and now. SOUK_OK is an answer, not a yes: see souk_standing_valid. Without
 * a connection it is what souk_client_offline answers.
 *
 * out: takes the standing where the answer is SOUK_OK, else NULL. Free it with souk_standing_free. */
int32_t souk_client_validate(const souk_client *client, souk_standing **out);

/* What holds without asking: the last good answer within the grace, then the file; else SOUK_OFFLINE, or
 * SOUK_CLOCK_ROLLED_BACK. It returns at once, and may be called before souk_client_validate was ever. */
int32_t souk_client_offline(const souk_client *client, souk_standing **out);

/* Room for a machine's id and the zero behind it. */
#define SOUK_ID_SIZE 91

/* Takes a seat for this machine; again, it is the same seat.
 *
 * name:          what people call the machine, or NULL.
 * machine_id:    takes its id where the answer is SOUK_OK, to be kept for the functions below.
 * size:          of machine_id, SOUK_ID_SIZE at least.
 * heartbeat_due: takes the time before which a heartbeat is expected, INT64_MAX where none is; or NULL. */
int32_t souk_client_activate(const souk_client *client, const char *name, char *machine_id, size_t size,
                             int64_t *heartbeat_due);

/* Says that the machine is still in use, where a heartbeat is expected. heartbeat_due: as above. */
int32_t souk_client_heartbeat(const souk_client *client, const char *machine_id, int64_t *heartbeat_due);

/* Gives the seat back. What was kept for when there is no connection goes with it. */
int32_t souk_client_deactivate(const souk_client *client, const char *machine_id);

/* Frees a client, and no standing. NULL is nothing to be freed. */
void souk_client_free(souk_client *client);

/* 1 where the licence may be used here and now, else 0. */
int32_t souk_standing_valid(const souk_standing *standing);

/* Why, as one code of GET /v1/validation-codes, such as VALID or EXPIRED. It lives as long as the standing. NULL of
 * NULL. */
const char *souk_standing_code(const souk_standing *standing);

/* The same for people, empty where there is no more to say. It lives as long as the standing. NULL of NULL. */
const char *souk_standing_message(const souk_standing *standing);

/* 1 where the licence is valid and has the entitlement with this code, else 0. */
int32_t souk_standing_allows(const souk_standing *standing, const char *entitlement);

/* Who says so. */
enum {
  SOUK_BASIS_ONLINE = 1, /* the marketplace, just now */
  SOUK_BASIS_GRACE = 2,  /* its last good answer */
  SOUK_BASIS_FILE = 3    /* the file of the settings */
};
/* 0 of NULL. */
int32_t souk_standing_basis(const souk_standing *standing);

/* When the grace ends, or the file, INT64_MAX where it never does. 0 of what the marketplace said just now, and of
 * NULL. */
int64_t souk_standing_until(const souk_standing *standing);

/* When the licence ends, INT64_MAX where it never does. 0 of NULL. */
int64_t souk_standing_expires_at(const souk_standing *standing);

/* 1 where the standing was written down, else 0: offline it will not be remembered, or not past the next run. */
int32_t souk_standing_kept(const souk_standing *standing);

/* Frees a standing and its texts. NULL is nothing to be freed. */
void souk_standing_free(souk_standing *standing);

/* Of the last souk_client_ function that this thread has called: the code of the marketplace's refusal, and what went
 * wrong for people. Empty where there is none. They live until this thread calls the next one. */
const char *souk_problem_code(void);
const char *souk_problem_message(void);

#ifdef __cplusplus
}
#endif

#endif
