/* A plugin's life with the marketplace: it asks, takes a seat, says that it is in use, goes offline, and gives the seat
 * back.
 *
 * online MARKETPLACE NOBODY KEY FINGERPRINT STATE LICENCE_FILE PUBLIC_KEYS
 *
 * MARKETPLACE answers as ../../interop/tests/c.rs has it; at NOBODY nobody listens.
 */
#include "souk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures = 0;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "line %d: %s (%s: %s)\n", __LINE__, #condition, souk_problem_code(), souk_problem_message());    \
      failures++;                                                                                                      \
    }                                                                                                                  \
  } while (0)

static char *contents(const char *path) {
  FILE *stream = fopen(path, "rb");
  char *text = (char *)calloc(1, 1 << 16);
  if (stream == NULL || text == NULL || fread(text, 1, (1 << 16) - 1, stream) == 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(2);
  }
  fclose(stream);
  return text;
}

static souk_client *made(const souk_settings *settings) {
  souk_client *client = NULL;
  CHECK(souk_client_new(settings, &client) == SOUK_OK && client != NULL);
  return client;
}

typedef int32_t asks(const souk_client *client, souk_standing **out);

/* Checks what a client says, and from where. */
static souk_standing *stands(asks ask, const souk_client *client, int32_t valid, const char *code, int32_t basis) {
  souk_standing *standing = NULL;
  CHECK(ask(client, &standing) == SOUK_OK);
  if (standing == NULL) {
    exit(1);
  }
  CHECK(souk_standing_valid(standing) == valid);
  CHECK(strcmp(souk_standing_code(standing), code) == 0);
  CHECK(souk_standing_basis(standing) == basis);
  CHECK(souk_standing_allows(standing, "export-stems") == valid);
  CHECK(souk_standing_allows(standing, "more") == 0 && souk_standing_allows(standing, NULL) == 0);
  CHECK(souk_standing_kept(standing) == 1);
  return standing;
}

static void a_seat(const souk_settings *settings, const souk_settings *offline) {
  const int64_t now = time(NULL), week = 7 * 24 * 3600;
  souk_client *client = made(settings), *cut_off = made(offline);
  souk_standing *standing = NULL;
  char machine[SOUK_ID_SIZE];
  int64_t due = 0;

  /* Nothing was ever heard, and no seat is taken yet. */
  CHECK(souk_client_offline(client, &standing) == SOUK_OFFLINE && standing == NULL);
  standing = stands(souk_client_validate, client, 0, "NO_MACHINE", SOUK_BASIS_ONLINE);
  CHECK(strcmp(souk_standing_message(standing), "This machine has no seat.") == 0);
  CHECK(souk_standing_until(standing) == 0);
  CHECK(souk_standing_expires_at(standing) == INT64_MAX);
  souk_standing_free(standing);

  CHECK(souk_client_activate(client, "Studio A", machine, sizeof machine, &due) == SOUK_OK);
  CHECK(strcmp(machine, "mch_1") == 0);
  CHECK(due == 1893456000); /* 2030 begins */
  CHECK(souk_client_heartbeat(client, machine, &due) == SOUK_OK && due == INT64_MAX);
  CHECK(souk_client_heartbeat(client, machine, NULL) == SOUK_OK);
  standing = stands(souk_client_validate, client, 1, "VALID", SOUK_BASIS_ONLINE);
  CHECK(souk_standing_expires_at(standing) == 4070908800); /* 2099 begins */
  souk_standing_free(standing);

  /* Without a connection: the grace. */
  standing = stands(souk_client_validate, cut_off, 1, "VALID", SOUK_BASIS_GRACE);
  CHECK(souk_standing_until(standing) >= now + week && souk_standing_until(standing) < now + week + 60);
  souk_standing_free(standing);
  standing = stands(souk_client_offline, client, 1, "VALID", SOUK_BASIS_GRACE);
  souk_standing_free(standing);
  souk_settings none = *offline;
  none.grace_s = -1;
  souk_client *strict = made(&none);
  standing = NULL;
  CHECK(souk_client_validate(strict, &standing) == SOUK_OFFLINE && standing == NULL);
  CHECK(strlen(souk_problem_message()) > 0 && strlen(souk_problem_code()) == 0);
  souk_client_free(strict);
  CHECK(souk_client_deactivate(cut_off, machine) == SOUK_UNREACHABLE);

  /* The grace ends with the seat. */
  CHECK(souk_client_deactivate(client, machine) == SOUK_OK);
  CHECK(souk_client_validate(cut_off, &standing) == SOUK_OFFLINE && standing == NULL);
  CHECK(souk_client_offline(client, &standing) == SOUK_OFFLINE);
  CHECK(souk_client_deactivate(client, machine) == SOUK_DENIED);
  CHECK(strcmp(souk_problem_code(), "not_found") == 0);
  souk_client_free(client);
  souk_client_free(cut_off);
}

static void a_file(const souk_settings *offline, const char *file, const char *keys) {
  souk_settings settings = *offline;
  settings.licence_file = file;
  settings.public_keys = keys;
  souk_client *client = made(&settings);
  souk_standing *standing = stands(souk_client_validate, client, 1, "VALID", SOUK_BASIS_FILE);
  CHECK(souk_standing_until(standing) > time(NULL));
  souk_standing_free(standing);
  souk_client_free(client);
  settings.public_keys = NULL;
  CHECK(souk_client_new(&settings, &client) == SOUK_INVALID_ARGUMENT && client == NULL);
  settings.public_keys = "abc";
  CHECK(souk_client_new(&settings, &client) == SOUK_INVALID_PUBLIC_KEY);
  settings.public_keys = keys;
  settings.machine_file = file;
  CHECK(souk_client_new(&settings, &client) == SOUK_INVALID_ARGUMENT);
}

static void refusals(const souk_settings *settings) {
  souk_standing *standing = NULL;
  char machine[SOUK_ID_SIZE];
  souk_settings other = *settings;
  other.fingerprint = "another";
  souk_client *client = made(&other);
  CHECK(souk_client_activate(client, NULL, machine, sizeof machine, NULL) == SOUK_REFUSED);
  CHECK(strcmp(souk_problem_code(), "no_seat_free") == 0);
  CHECK(strcmp(souk_problem_message(), "All seats are taken.") == 0);
  souk_client_free(client);
  CHECK(strlen(souk_problem_code()) > 0);

  other = *settings;
  other.key = "SOUK-ANOTHER";
  client = made(&other);
  CHECK(souk_client_validate(client, &standing) == SOUK_DENIED && standing == NULL);
  souk_client_free(client);

  other = *settings;
  other.licence_id = "lic_portal";
  other.attempts = 1;
  client = made(&other);
  CHECK(souk_client_heartbeat(client, "mch_1", NULL) == SOUK_NOT_THE_MARKETPLACE);
  souk_client_free(client);
}

static void arguments_that_are_none(const souk_settings *settings) {
  souk_client *client = (souk_client *)settings;
  souk_standing *standing = NULL;
  char machine[SOUK_ID_SIZE];
  souk_settings wrong;
  memset(&wrong, 0, sizeof wrong);
  CHECK(souk_client_new(NULL, &client) == SOUK_INVALID_ARGUMENT && client == NULL);
  CHECK(souk_client_new(settings, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT);
  wrong.size = sizeof wrong;
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT);
  wrong = *settings;
  wrong.size -= 8;
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT);
  wrong = *settings;
  wrong.key = "\xff";
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT);
  wrong = *settings;
  wrong.marketplace = "http://souk.example.com";
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT && strlen(souk_problem_message()) > 0);
  wrong = *settings;
  wrong.salt = "example synth 2";
  CHECK(souk_client_new(&wrong, &client) == SOUK_INVALID_ARGUMENT);
  CHECK(client == NULL);
  /* A container may have no id. */
  wrong.fingerprint = NULL;
  int32_t status = souk_client_new(&wrong, &client);
  CHECK(status == SOUK_OK || status == SOUK_NO_FINGERPRINT);
  souk_client_free(client);

  CHECK(souk_client_validate(NULL, &standing) == SOUK_INVALID_ARGUMENT && standing == NULL);
  CHECK(souk_client_offline(NULL, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_activate(NULL, NULL, machine, sizeof machine, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_heartbeat(NULL, "mch_1", NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_deactivate(NULL, "mch_1") == SOUK_INVALID_ARGUMENT);
  client = made(settings);
  CHECK(souk_client_validate(client, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_activate(client, NULL, NULL, sizeof machine, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_activate(client, NULL, machine, sizeof machine - 1, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_activate(client, "\xff", machine, sizeof machine, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_heartbeat(client, NULL, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_deactivate(client, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_client_deactivate(client, "../machines") == SOUK_INVALID_ARGUMENT);
  souk_client_free(client);
  souk_client_free(NULL);

  CHECK(souk_standing_valid(NULL) == 0 && souk_standing_kept(NULL) == 0 && souk_standing_allows(NULL, "x") == 0);
  CHECK(souk_standing_code(NULL) == NULL && souk_standing_message(NULL) == NULL);
  CHECK(souk_standing_basis(NULL) == 0 && souk_standing_until(NULL) == 0 && souk_standing_expires_at(NULL) == 0);
  souk_standing_free(NULL);
}

int main(int count, char **arguments) {
  if (count != 8) {
    return 2;
  }
  char *file = contents(arguments[6]);
  souk_settings settings;
  memset(&settings, 0, sizeof settings);
  settings.size = sizeof settings;
  settings.marketplace = arguments[1];
  settings.licence_id = "lic_1";
  settings.key = arguments[3];
  settings.product = "lst_1";
  settings.fingerprint = arguments[4];
  settings.state_path = arguments[5];
  settings.timeout_s = 20;
  souk_settings offline = settings;
  offline.marketplace = arguments[2];
  offline.attempts = 1;
  a_seat(&settings, &offline);
  offline.state_path = NULL;
  a_file(&offline, file, arguments[7]);
  refusals(&settings);
  arguments_that_are_none(&settings);
  free(file);
  if (failures == 0) {
    printf("all is well\n");
  }
  return failures == 0 ? 0 : 1;
}
