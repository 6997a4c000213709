/* Reads one byte of every 2 MiB: each costs a page of page tables and no page of its own. Says how many it got. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

#define STEP (2UL << 20)

int main(void) {
  unsigned long count = 0, sum = 0;
  for (;;) {
    volatile char *at = mmap(0, 512 * STEP, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) break;
    madvise((void *)at, 512 * STEP, MADV_NOHUGEPAGE);
    for (unsigned long i = 0; i < 512; i++, count++) sum += at[i * STEP];
  }
  printf("%lu %lu\n", count, sum);
  return 0;
}
