/* Opens a session of its own at the observer, works in it, and prints what the observer measured. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observer.h"

#define MEGABYTE (1024 * 1024)

static char answer[MAX_ANSWER];

static void ask(const char *target, const char *body) {
  int status = ask_observer(target, body, answer);
  if (status == 200) return;
  if (status < 0)
    fprintf(stderr, "The observer cannot be asked: %s.\n", strerror(errno));
  else
    fprintf(stderr, "The observer answered %d to \"%s\": %s\n", status, target, answer);
  exit(1);
}

/* Enough of both to be told from nothing: 8 MB, and some tenths of a second. */
static void work(void) {
  char *memory = malloc(8 * MEGABYTE);
  unsigned sum = 0;
  for (int round = 0; round < 20; round++)
    for (int i = 0; i < 8 * MEGABYTE; i++) sum += memory[i] = i ^ round;
  free(memory);
  fprintf(stderr, "sum: %u\n", sum);
}

int main(void) {
  char id[256], secret[256], session[600];

  ask("attach", "{}");
  if (!read_field(answer, "session_id", id, sizeof id) || !read_field(answer, "secret", secret, sizeof secret)) {
    fprintf(stderr, "The observer's answer has no session_id and secret: %s\n", answer);
    return 1;
  }
  snprintf(session, sizeof session, "{\"session_id\": \"%s\", \"secret\": \"%s\"}", id, secret);

  work();
  ask("/stats", session);
  printf("%s\n", answer);

  /* Leaving before closing, so that no observer closes a session with its caller inside. */
  ask("/detach", session);
  ask("/close", session);
  return 0;
}
