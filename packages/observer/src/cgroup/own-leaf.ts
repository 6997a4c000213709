/**
 * v2 lets processes be only in groups without limited groups below ("no internal processes", cgroup-v2.rst). A session
 * whose program opens a session of its own gets a group `kolejka_own` for the processes it has, at that moment.
 */
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import { errorCode, groupExists, makeGroup, pidsIn, writeFile } from './files.ts';
import { moveInto } from './processes.ts';

const OWN = 'kolejka_own';
/** Processes may fork while they are moved. */
const ROUNDS = 100;

/** Writes a file that the kernel keeps busy while the group has processes of its own; they move out of the way. */
export function writeWithRoom(directory: string, file: string, text: string): void {
  try {
    writeFile(file, text);
  } catch (thrown) {
    if (errorCode(thrown) !== 'EBUSY' || !isOurs(directory)) throw thrown;
    makeRoom(directory);
    writeFile(file, text);
  }
}

/** Moves a process into a group, or into the leaf of it that has its processes. @throws GridError `foreign-process` */
export function moveIntoLeaf(directory: string, pid: number): void {
  try {
    moveInto(directory, pid);
  } catch (thrown) {
    const own = path.join(directory, OWN);
    if (errorCode(thrown) !== 'EBUSY' || !isOurs(directory)) throw thrown;
    if (!groupExists(own)) makeGroup(own);
    moveInto(own, pid);
  }
}

/** Groups of others, the container engine's and the system's, are not rearranged. */
function isOurs(directory: string): boolean {
  return path.basename(directory).startsWith('kolejka_');
}

function makeRoom(directory: string): void {
  const own = path.join(directory, OWN);
  makeGroup(own);
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = pidsIn(directory);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        moveInto(own, pid);
      } catch (thrown) {
        // It ended in between.
        if (!(thrown instanceof GridError)) throw thrown;
      }
    }
  }
}
