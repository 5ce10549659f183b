/* The library as a plugin written in C meets it: good files, bad files, and arguments that are none.
 *
 * verify LICENCE_FILE MACHINE_FILE PUBLIC_KEY KEY FINGERPRINT NOW
 */
#include "souk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                          \
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

static void licence_files(char *file, const char *keys, const char *key, int64_t now) {
  souk_file *opened = NULL;
  const int64_t day = 24 * 3600;
  CHECK(souk_verify_licence_file(file, keys, key, now, &opened) == SOUK_OK);
  CHECK(opened != NULL);
  CHECK(strstr(souk_file_json(opened), "\"lic_1\"") != NULL);
  CHECK(souk_file_issued(opened) == now);
  CHECK(souk_file_expiry(opened) == now + 30 * day);
  CHECK(souk_file_allows(opened, "export-stems") == 1);
  CHECK(souk_file_allows(opened, "export") == 0);
  CHECK(souk_file_allows(opened, NULL) == 0);
  souk_file_free(opened);

  CHECK(souk_verify_licence_file(file, keys, "SOUK-OTHER", now, &opened) == SOUK_UNDECRYPTABLE);
  CHECK(opened == NULL);
  CHECK(souk_verify_licence_file(file, keys, NULL, now, &opened) == SOUK_UNDECRYPTABLE);
  CHECK(souk_verify_licence_file(file, keys, key, now + 31 * day, &opened) == SOUK_EXPIRED);
  CHECK(souk_verify_licence_file(file, keys, key, now - 2 * day, &opened) == SOUK_NOT_YET_VALID);

  /* Any one of its letters. */
  size_t length = strlen(file);
  for (size_t at = 0; at + 1 < length; at += 37) {
    char letter = file[at];
    file[at] = letter == 'A' ? 'B' : 'A';
    opened = (souk_file *)file;
    CHECK(souk_verify_licence_file(file, keys, key, now, &opened) != SOUK_OK);
    CHECK(opened == NULL);
    file[at] = letter;
  }
}

static void machine_files(const char *file, const char *keys, const char *key, const char *fingerprint, int64_t now) {
  souk_file *opened = NULL;
  CHECK(souk_verify_machine_file(file, keys, key, fingerprint, now, &opened) == SOUK_OK);
  CHECK(strstr(souk_file_json(opened), "\"mch_1\"") != NULL);
  CHECK(strstr(souk_file_json(opened), fingerprint) != NULL);
  souk_file_free(opened);
  CHECK(souk_verify_machine_file(file, keys, key, "another", now, &opened) == SOUK_WRONG_MACHINE);
  CHECK(souk_verify_machine_file(file, keys, "SOUK-OTHER", fingerprint, now, &opened) == SOUK_WRONG_LICENCE);
  CHECK(souk_verify_licence_file(file, keys, key, now, &opened) == SOUK_MALFORMED);
  CHECK(opened == NULL);
}

static void arguments_that_are_none(const char *file, const char *keys, const char *key, int64_t now) {
  souk_file *opened = NULL;
  const char *other = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  CHECK(souk_verify_licence_file(NULL, keys, key, now, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file(file, NULL, key, now, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file(file, keys, key, now, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file(file, keys, key, INT64_MAX, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file(file, keys, "\xff\xfe", now, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file("\xff", keys, key, now, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_licence_file("", keys, key, now, &opened) == SOUK_MALFORMED);
  CHECK(souk_verify_licence_file(file, "", key, now, &opened) == SOUK_INVALID_PUBLIC_KEY);
  CHECK(souk_verify_licence_file(file, "abc", key, now, &opened) == SOUK_INVALID_PUBLIC_KEY);
  CHECK(souk_verify_licence_file(file, other, key, now, &opened) == SOUK_UNKNOWN_KEY);
  CHECK(souk_verify_machine_file(file, keys, key, NULL, now, &opened) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_verify_machine_file(NULL, NULL, NULL, NULL, 0, NULL) == SOUK_INVALID_ARGUMENT);
  CHECK(opened == NULL);
  CHECK(souk_file_json(NULL) == NULL);
  CHECK(souk_file_issued(NULL) == 0);
  CHECK(souk_file_expiry(NULL) == 0);
  CHECK(souk_file_allows(NULL, "x") == 0);
  souk_file_free(NULL);
}

static void fingerprints(void) {
  char one[SOUK_FINGERPRINT_SIZE], other[SOUK_FINGERPRINT_SIZE];
  CHECK(souk_fingerprint(NULL, one, sizeof one) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_fingerprint("salt", NULL, sizeof one) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_fingerprint("salt", one, sizeof one - 1) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_fingerprint("", one, sizeof one) == SOUK_NO_FINGERPRINT);
  /* A container may have no id. */
  int32_t status = souk_fingerprint("salt", one, sizeof one);
  CHECK(status == SOUK_OK || status == SOUK_NO_FINGERPRINT);
  if (status == SOUK_OK) {
    CHECK(strlen(one) == 64);
    CHECK(souk_fingerprint("another", other, sizeof other) == SOUK_OK);
    CHECK(strcmp(one, other) != 0);
  }
}

static void clocks(int64_t now) {
  int64_t mark = 0;
  CHECK(souk_clock_advance(NULL, now, 60) == SOUK_INVALID_ARGUMENT);
  CHECK(souk_clock_advance(&mark, now, 60) == SOUK_OK && mark == now);
  CHECK(souk_clock_advance(&mark, now - 60, 60) == SOUK_OK && mark == now);
  CHECK(souk_clock_advance(&mark, now - 61, 60) == SOUK_CLOCK_ROLLED_BACK && mark == now);
  CHECK(souk_clock_advance(&mark, INT64_MIN, 60) == SOUK_INVALID_ARGUMENT && mark == now);
}

int main(int count, char **arguments) {
  if (count != 7) {
    return 2;
  }
  char *licence = contents(arguments[1]);
  char *machine = contents(arguments[2]);
  const char *keys = arguments[3], *key = arguments[4], *fingerprint = arguments[5];
  int64_t now = strtoll(arguments[6], NULL, 10);
  licence_files(licence, keys, key, now);
  machine_files(machine, keys, key, fingerprint, now);
  arguments_that_are_none(licence, keys, key, now);
  fingerprints();
  clocks(now);
  for (int32_t status = -1; status <= SOUK_OFFLINE + 1; status++) {
    CHECK(strlen(souk_status_message(status)) > 0);
  }
  free(licence);
  free(machine);
  if (failures == 0) {
    printf("all is well\n");
  }
  return failures == 0 ? 0 : 1;
}
