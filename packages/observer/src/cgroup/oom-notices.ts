/**
 * Counts how often a v1 group ran out of memory.
 *
 * On v1 the kernel counts a memory kill only in the victim's own group, and a container's group is gone when we read.
 * But an eventfd registered with a group hears each time its limit, or that of a group above it, ends in a kill
 * (mem_cgroup_oom_notify tells the group at its limit and all below). It outlives every group below. v2 needs none of
 * this: memory.events adds up.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { errorCode, writeFile } from './files.ts';

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

type Eventfd = (initial: number, flags: number) => number;
let eventfd: Eventfd | undefined;

/** Loaded when first needed: v2 machines never do. */
function openEventfd(): number {
  if (eventfd === undefined) {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    eventfd = koffi.load(null).func('int eventfd(unsigned int initial, int flags)') as unknown as Eventfd;
  }
  return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

export class OomNotices {
  #descriptor: number | undefined;
  #heard = 0;

  /**
   * @param control the group's memory.oom_control
   * @param events the group's cgroup.event_control
   */
  constructor(control: string, events: string) {
    const descriptor = openEventfd();
    let oom: number | undefined;
    try {
      oom = openSync(control, 'r');
      writeFile(events, `${descriptor} ${oom}`);
      this.#descriptor = descriptor;
    } catch (thrown) {
      closeSync(descriptor);
      // Kernels built for real time have no oom_control; whoever reads then relies on the groups still there.
      if (errorCode(thrown) !== 'ENOENT' && errorCode(thrown) !== 'EOPNOTSUPP') throw thrown;
    } finally {
      if (oom !== undefined) closeSync(oom);
    }
  }

  /** Notices so far. */
  count(): number {
    if (this.#descriptor === undefined) return this.#heard;
    const buffer = new BigUint64Array(1);
    try {
      // Reading takes the count and sets it to 0.
      readSync(this.#descriptor, buffer);
      this.#heard += Number(buffer[0]);
    } catch (thrown) {
      if (errorCode(thrown) !== 'EAGAIN') throw thrown;
    }
    return this.#heard;
  }

  /** To be called before the group is removed, for removing it is a notice too. */
  close(): void {
    this.count();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
