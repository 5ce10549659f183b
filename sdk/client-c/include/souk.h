/* Souk's licence checks for C and C++.
 *
 * Every text is UTF-8 and ends with a zero byte. Times are seconds since 1970, as time(NULL) has them.
 * Functions may be called from any thread; a file may be read by several at once, and is freed by one.
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
  SOUK_INTERNAL = 14              /* a mistake of this library */
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

#ifdef __cplusplus
}
#endif

#endif
