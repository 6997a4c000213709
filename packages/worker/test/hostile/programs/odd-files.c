/* Leaves in the result directory what is no regular file, or no longer there. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (chdir("/var/lib/kolejka/result") != 0) return 1;
  strcpy(address.sun_path, "socket");
  if (bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address) != 0) return 2;
  if (mkfifo("pipe", 0666) != 0) return 3;
  if (write(open(".", 020000000 | O_DIRECTORY | O_RDWR, 0600), "nameless", 8) != 8) return 4;
  printf("mknod %d\n", mknod("device", S_IFBLK | 0666, 0x800) == 0);
  printf("link-input %d\n", link("/var/lib/kolejka/task/input", "input") == 0);
  printf("link-hosts %d\n", link("/etc/hosts", "hosts") == 0);
  return 0;
}
