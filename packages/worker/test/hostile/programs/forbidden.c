/* Asks the kernel for what a task must not get, and says what it answered: one line "NAME ERRNO" for each. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void say(const char *name, long answer) { printf("%s %d\n", name, answer < 0 ? errno : 0); fflush(stdout); }

int main(void) {
  char zeros[256];
  memset(zeros, 0, sizeof zeros);
  say("mount", mount("none", "/mnt", "tmpfs", 0, ""));
  say("unshare-user", syscall(SYS_unshare, 0x10000000));
  say("unshare-mount", syscall(SYS_unshare, 0x20000));
  say("setns", syscall(SYS_setns, 0, 0));
  say("init_module", syscall(SYS_init_module, zeros, 1, ""));
  say("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  say("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
  say("bpf", syscall(SYS_bpf, 0, zeros, sizeof zeros));
  say("perf_event", syscall(SYS_perf_event_open, zeros, 0, -1, -1, 0));
  say("settimeofday", settimeofday((struct timeval *)zeros, 0));
  say("adjtimex", syscall(SYS_clock_settime, 0, zeros));
  say("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, 0));
  say("syslog", syscall(SYS_syslog, 3, zeros, sizeof zeros));
  say("swapon", syscall(SYS_swapon, "/x", 0));
  say("raw-socket", socket(AF_INET, SOCK_RAW, 1));
  say("packet-socket", socket(17, SOCK_RAW, 0));
  say("open_by_handle", syscall(SYS_open_by_handle_at, -100, zeros, 0));
  say("userfaultfd", syscall(SYS_userfaultfd, 0));
  say("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
  say("vsock", socket(40, SOCK_STREAM, 0));
  say("crypto-socket", socket(38, SOCK_SEQPACKET, 0));
  say("io_uring", syscall(425, 1, zeros));
  say("clone-user", syscall(SYS_clone, 0x10000000 | 17, 0, 0, 0, 0));
  say("clone3", syscall(435, zeros, 64));
  say("open_tree", syscall(428, -100, "/", 1));
  say("fsopen", syscall(430, "tmpfs", 0));
  say("pidfd_getfd", syscall(438, 0, 0, 0));
  say("quotactl", syscall(SYS_quotactl, 0x80000101, 0, 0, 0));
  say("mknod", syscall(SYS_mknodat, -100, "/tmp/d", 060600, 0x800));
  return 0;
}
