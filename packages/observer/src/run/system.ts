/** System calls that Node does not offer. They answer 0, or -1 when they failed. */
import koffi from 'koffi';

const library = koffi.load(null);

export const SYSTEM = {
  chroot: library.func('int chroot(const char *path)') as unknown as (path: string) => number,
  fchdir: library.func('int fchdir(int fd)') as unknown as (fd: number) => number,
  // Of libc, not the bare calls: they change all threads of this process.
  setresuid: library.func('int setresuid(uint32_t real, uint32_t effective, uint32_t saved)') as unknown as SetIds,
  setresgid: library.func('int setresgid(uint32_t real, uint32_t effective, uint32_t saved)') as unknown as SetIds,
};

type SetIds = (real: number, effective: number, saved: number) => number;
