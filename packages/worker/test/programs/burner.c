/*
 * Uses a known amount of one thing: `user MS`, `system MS`, `memory BYTES`, `processes N`; without an amount, nothing. At
 * the end it says how much CPU time it has used by its own account.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char block[1 << 20];

static long microseconds(struct timeval time) {
  return time.tv_sec * 1000000 + time.tv_usec;
}

static void burn_user(long wanted) {
  struct rusage used;
  do {
    for (volatile int round = 0; round < 1000000; round += 1);
    getrusage(RUSAGE_SELF, &used);
  } while (microseconds(used.ru_utime) < wanted * 1000);
}

static void burn_system(long wanted) {
  struct rusage used;
  int zeros = open("/dev/zero", O_RDONLY);
  do {
    for (int round = 0; round < 50; round += 1) read(zeros, block, sizeof block);
    getrusage(RUSAGE_SELF, &used);
  } while (microseconds(used.ru_stime) < wanted * 1000);
}

/* Anonymous memory, every page written, held until somebody has seen it: makes a file named by the amount, waits for `seen`. */
static void hold_memory(long bytes, const char *name) {
  char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(1);
  memset(memory, 1, bytes);
  close(open(name, O_CREAT | O_WRONLY, 0600));
  while (access("seen", F_OK) != 0) usleep(10000);
}

/* As many at one time, this one included: none ends before the last was started, as all wait for the gate to close. */
static void hold_processes(long count) {
  int gate[2];
  pipe(gate);
  for (long started = 1; started < count; started += 1) {
    if (fork() != 0) continue;
    close(gate[1]);
    read(gate[0], block, 1);
    _exit(0);
  }
  close(gate[1]);
  while (wait(0) > 0);
}

/* What this process has used by its own account, its compiler included, in microseconds. */
static void tell_own(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"user\": %ld, \"system\": %ld}\n", microseconds(used.ru_utime), microseconds(used.ru_stime));
}

int main(int count, char **words) {
  const char *what = count < 3 ? "nothing" : words[1];
  long amount = count < 3 ? 0 : atol(words[2]);
  if (!strcmp(what, "user")) burn_user(amount);
  if (!strcmp(what, "system")) burn_system(amount);
  if (!strcmp(what, "memory")) hold_memory(amount, words[2]);
  if (!strcmp(what, "processes")) hold_processes(amount);
  tell_own();
  return 0;
}
