/** Blobs with a real store and a real directory, on either database, and a clock that a test moves. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import { BlobHash, type ReferenceKey } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import { openDisk, prepareDisk } from '../../src/blobs/disk.ts';
import { keepBlob } from '../../src/blobs/keep.ts';
import { collectGarbage, type GarbageOptions } from '../../src/blobs/sweep.ts';
import { insertReference } from '../../src/database/references.ts';
import { openStore } from '../../src/database/open.ts';
import type { Connection } from '../../src/database/store.ts';
import { findUser, insertUser } from '../../src/database/users.ts';
import { PATIENT, type TestEngine } from '../engines.ts';

export const hashOf = (text: string) => BlobHash.parse(createHash('sha256').update(text).digest('hex'));

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

export async function openKeeping(t: ExecutionContext, engine: TestEngine) {
  const root = await mkdtemp(path.join(tmpdir(), 'kolejka-keep-'));
  t.teardown(() => rm(root, { recursive: true }));
  await prepareDisk(root);
  const database = await engine.newDatabase(t);
  let now = 1_000_000;
  const clock = { ...realClock, now: () => now };

  /** What one server of several has. */
  async function openOne() {
    const store = await openStore(database, undefined, PATIENT);
    const blobs = openDisk(root);
    t.teardown(async () => {
      await blobs.close();
      await store.close();
    });
    return { store, blobs, clock };
  }
  const keeping = await openOne();
  const addUser = (name: string) =>
    keeping.store.write(async (db) => {
      await insertUser(db, { name, email: '', password: '', groups: [] }, now);
      return (await findUser(db, name))?.id as number;
    });
  const owner = await addUser('kim');

  return {
    ...keeping,
    root,
    owner,
    addUser,
    openOne,
    pass: (milliseconds: number) => void (now += milliseconds),
    /** Uploads the text and answers the key of its new reference. */
    upload: (text: string, by = owner, on: typeof keeping = keeping): Promise<ReferenceKey> =>
      keepBlob(on, { bytes: chunks(text), largest: 1e6 }, async (db, { hash }, at) => {
        const key = randomUUID().replaceAll('-', '') as ReferenceKey;
        await insertReference(db, { key, blob: hash, owner: by }, at);
        return key;
      }),
    collect: (options: Partial<GarbageOptions> = {}) =>
      collectGarbage(keeping, { graceMs: 1000, condemnedMs: 100, ...options }),
    /** Hashes of the files that there are, and of what lies in the directories beside them. */
    files: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && entry.name !== 'lock')
        .map(({ name }) => name)
        .toSorted();
    },
    rows: async () => {
      const rows = await keeping.store.read((db: Connection) =>
        db.all<{ hash: string }>('select hash from blobs order by hash'),
      );
      return rows.map(({ hash }) => hash);
    },
  };
}
export type Keeping = Awaited<ReturnType<typeof openKeeping>>;
