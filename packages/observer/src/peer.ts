/**
 * Which process is at the other end of a unix socket. Node cannot ask a socket this, so getsockopt is called directly.
 *
 * A pid alone is no identity, for it is used again: with the moment the process started it is one.
 */
import { closeSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import koffi from 'koffi';

/** A process, told from later ones with its pid. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  /** Clock ticks from boot to its start. */
  readonly start: string;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** Since Linux 6.5: a descriptor of the very process, not only its number. */
const SO_PEERPIDFD = 77;

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: number[]) => number;

const getsockopt = koffi
  .load(null)
  .func(
    'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
  ) as unknown as GetSockOpt;

/** Who connected, or undefined when that process is gone or the kernel does not say. */
export function peerOf(socket: Socket): Peer | undefined {
  const fd = descriptorOf(socket);
  const credentials = Buffer.alloc(12);
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [12]) !== 0) return undefined;
  const pid = credentials.readInt32LE(0);
  const start = startOf(pid);
  if (pid <= 0 || start === undefined || !isStill(pid, fd)) return undefined;
  return { pid, uid: credentials.readUInt32LE(4), start };
}

/**
 * A process by its pid; undefined when there is none.
 * @param owner asked first: only a process that is wholly of this user is found; undefined takes every user's
 */
export function processOf(pid: number, owner?: number): Peer | undefined {
  const start = startOf(pid);
  // Real, effective, saved and file system user, see proc_pid_status(5): one that can become another is not wholly ours.
  const users = new Set(/^Uid:\s+(.*)$/m.exec(statusOf(pid))?.[1]?.split('\t').map(Number));
  const [uid] = users;
  if (start === undefined || uid === undefined) return undefined;
  return owner !== undefined && (users.size > 1 || uid !== owner) ? undefined : { pid, uid, start };
}

/** /proc/PID/status, or nothing. */
export function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // ENOENT and ESRCH: it is gone.
    return '';
  }
}

/** Node has no other way to its descriptor; -1 when the connection is closed already. */
function descriptorOf(socket: Socket): number {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name
  return (socket as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1;
}

/** True while the peer is the process that it was. */
export function isAlive(peer: Peer): boolean {
  return startOf(peer.pid) === peer.start;
}

/**
 * Field 22 of /proc/PID/stat, see proc(5); the name of the program before may hold spaces and brackets. Undefined when
 * there is no such process, or it has ended and only its parent has not heard so.
 */
function startOf(pid: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // ENOENT and ESRCH: it is gone.
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Ticks of the clock in /proc are hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** When a process began, in milliseconds of the calendar, to a second or so; undefined when there is none. */
export function startedAt(pid: number): number | undefined {
  const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
  const start = startOf(pid);
  return boot === undefined || start === undefined ? undefined : Number(boot) * 1000 + Number(start) * TICK_MS;
}

/** The peer may have ended and its pid be in use again before we looked: where the kernel can tell, ask it. */
function isStill(pid: number, fd: number): boolean {
  const descriptor = Buffer.alloc(4);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, descriptor, [4]) !== 0) return true;
  const pidfd = descriptor.readInt32LE(0);
  try {
    return new RegExp(`^Pid:\\s+${pid}$`, 'm').test(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'latin1'));
  } finally {
    closeSync(pidfd);
  }
}
