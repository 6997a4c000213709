/* Takes of everything that the kernel has one store of for all, until it is refused, and says how much that was. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  struct rlimit files;
  long n;
  char name[32];
  getrlimit(RLIMIT_NOFILE, &files);
  printf("files %lu\n", (unsigned long)files.rlim_max);
  for (n = 0; n < 100000 && inotify_init() >= 0; n++) {}
  printf("inotify %d\n", n < 100000 && errno != 0);
  for (n = 0; n < 4096; n++) if (shmget(IPC_PRIVATE, 4096, 0600) < 0) break;
  printf("shm %ld\n", n);
  for (n = 0; n < 1000; n++) {
    sprintf(name, "kolejka-%ld", n);
    if (syscall(SYS_mq_open, name, O_CREAT | O_RDWR, 0600, 0) < 0) break;
  }
  printf("mq %d\n", n < 1000);
  for (n = 0; n < 2000000 && open("/dev/null", O_RDONLY) >= 0; n++) {}
  printf("refused %d\n", n < 2000000);
  fflush(stdout);
  sleep(60);
  return 0;
}
