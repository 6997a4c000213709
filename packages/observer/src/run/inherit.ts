/**
 * What a child has from its parent and Node cannot set for it: root directory, supplementary groups, umask. This
 * process takes them on, starts the child, and takes them off again; between is no moment in which anything else runs,
 * for `spawn` returns when the child has executed its program.
 */
import { closeSync, openSync } from 'node:fs';
import { GridError } from '@kolejka/protocol';

/** Who a program is. */
export interface Identity {
  uid: number;
  gid: number;
  /** Beside `gid`; none unless they are named. */
  groups?: readonly number[];
}

interface Inherited {
  root?: string;
  identity?: Identity;
  umask?: number;
  /** In a session of the system's of its own (setsid(2)): without a terminal, and out of reach of its keys. */
  setsid?: boolean;
}

/**
 * Runs `start` as the child is to be. It gets the rest, which `spawn` sets by itself.
 * @throws GridError `usage` when this takes root; `no-file` when there is no such root directory
 */
export async function inherit<Child>(
  { root, identity, umask, setsid }: Inherited,
  start: (rest: { uid?: number; gid?: number; detached?: boolean }) => Child,
): Promise<Child> {
  const groups = identity?.groups ?? [];
  if ((root !== undefined || identity !== undefined) && process.getuid?.() !== 0) {
    const isSame = root === undefined && identity?.uid === process.getuid?.() && groups.length === 0;
    if (!isSame) throw new GridError('usage', 'Only root can run a program in another root or as another user.');
  }
  // Loaded only for those who need it: it takes its milliseconds.
  const system = root === undefined && groups.length === 0 ? undefined : (await import('./system.ts')).SYSTEM;
  const own = setsid === true ? { detached: true } : {};
  const undoing: (() => void)[] = [];
  try {
    if (umask !== undefined) {
      const before = process.umask(umask);
      undoing.push(() => process.umask(before));
    }
    if (system !== undefined && root !== undefined) undoing.push(changeRoot(root, system));
    if (system === undefined || identity === undefined || groups.length === 0) {
      return start({ ...own, ...(identity !== undefined && { uid: identity.uid, gid: identity.gid }) });
    }
    undoing.push(become({ ...identity, groups }, system));
    return start(own);
  } finally {
    for (const undo of undoing.toReversed()) undo();
  }
}

type System = typeof import('./system.ts')['SYSTEM'];

function changeRoot(root: string, { chroot, fchdir }: System): () => void {
  const directory = process.cwd();
  const before = openSync('/', 'r');
  if (chroot(root) !== 0) {
    closeSync(before);
    throw new GridError('no-file', `${root} is no directory that can be the root of a program.`, { field: 'root' });
  }
  return () => {
    insist(fchdir(before) === 0 && chroot('.') === 0, 'root directory');
    closeSync(before);
    process.chdir(directory);
  };
}

/**
 * Real and effective, but not the saved one, which the child loses when it executes: so we come back and it does not.
 * `spawn` with a uid would drop the groups. For this moment the user may signal us; the program does not run yet.
 */
function become({ uid, gid, groups = [] }: Identity, { setresuid, setresgid }: System): () => void {
  const before = { gid: process.getgid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  const back = () => {
    insist(setresuid(0, 0, 0) === 0 && setresgid(before.gid, before.gid, before.gid) === 0, 'user');
    process.setgroups?.(before.groups);
  };
  process.setgroups?.([...groups]);
  if (setresgid(gid, gid, before.gid) === 0 && setresuid(uid, uid, 0) === 0) return back;
  back();
  throw new GridError('usage', `The program cannot be user ${uid} with group ${gid}.`);
}

/** Going on as somebody else, or elsewhere, would be worse than not going on. */
function insist(isBack: boolean, what: string): void {
  if (!isBack) {
    process.stderr.write(`kolejka: cannot get back to the own ${what}\n`);
    process.abort();
  }
}
