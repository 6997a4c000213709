/**
 * One request at a time for each upload, in all processes. A client that lost its connection comes again while its old
 * request still waits for bytes: in the same process that one is told to end, so that the new one gets through.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS, type Lock, type Locker } from '@tus/server';
import { type FileLock, takeLock } from '../lock.ts';

/** Longest wait for another request to end. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 50;

/** Another request is at work on the upload; clients come again by themselves (RFC 4918, 11.3). */
const LOCKED = { status_code: 423, body: 'Another request is at work on this upload.\n' } as const;

/** Ends the request that holds the upload, by the path of its lock. */
const holders = new Map<string, () => Promise<void> | void>();

/** @param directory of all uploads; each has one of its own in it, with the file `lock` */
export function openLocker(directory: string): Locker {
  return { newLock: (id) => newLock(path.join(directory, id, 'lock')) };
}

function newLock(file: string): Lock {
  let held: FileLock | undefined;
  return {
    async lock(signal, endMe) {
      for (const until = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
        const lock = takeLock(file);
        if (lock === undefined) throw ERRORS.FILE_NOT_FOUND;
        if (lock !== 'held') {
          held = lock;
          holders.set(file, endMe);
          return;
        }
        await holders.get(file)?.();
        if (signal.aborted || performance.now() > until) throw LOCKED;
      }
    },
    async unlock() {
      holders.delete(file);
      held?.close();
    },
  };
}
