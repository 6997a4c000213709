/** Blobs and references: bytes in, bytes out. */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type BlobHash, GridError, type ReferenceKey } from '@kolejka/protocol';
import type { Request, Response } from 'express';
import { keepBlob, removeBlobs } from '../blobs/keep.ts';
import { refuseOverQuota, roomOf } from '../blobs/quota.ts';
import { endWhenSilent, incomingFrom } from '../blobs/receive.ts';
import { sendBlob } from '../blobs/send.ts';
import { countReferences, findBlob, knownBlobs, printBlob } from '../database/blobs.ts';
import {
  findReference,
  giveUpReference,
  insertReference,
  insertReferences,
  isFileFor,
  printReference,
  type ReferenceRow,
  removeReferencesTo,
  taskInNeedOf,
} from '../database/references.ts';
import type { Connection } from '../database/store.ts';
import type { Parts, Some, User } from '../parts.ts';

export function blobRoutes(parts: Parts) {
  const { store, blobs, clock, settings, uploadSilenceMs } = parts;

  /** A new reference of the user's, unless that is more than the user may keep. */
  async function newReference(db: Connection, blob: BlobHash, user: User): Promise<ReferenceRow> {
    const row = await insertReference(db, { key: newKey(), blob, owner: user.id }, clock.now());
    await refuseOverQuota(db, user, settings);
    return row;
  }

  /** Those of which there are no bytes: a row whose bytes are gone from the disk is not enough. */
  async function missingOf(hashes: readonly BlobHash[]): Promise<BlobHash[]> {
    const missing: BlobHash[] = [];
    for (let from = 0; from < hashes.length; from += LOOKS) {
      // Others come in between: to look for 10 000 among a million takes 100 ms, measured 2026-11.
      if (from > 0) await setImmediate();
      const some = hashes.slice(from, from + LOOKS);
      const known = await store.read((db) => knownBlobs(db, some));
      const there = await Promise.all(some.map(async (hash) => known.has(hash) && (await blobs.has(hash))));
      missing.push(...some.filter((_, index) => there[index] === false));
    }
    return missing;
  }

  async function takePiece(user: User, request: Request, response: Response): Promise<void> {
    endWhenSilent(request, uploadSilenceMs);
    // Only now: whoever sends no pieces is spared 20 MB of memory and 60 ms at the start, measured 2026-11.
    const { serveUpload } = await import('../blobs/uploads/serve.ts');
    await serveUpload(parts, user, request, response);
  }

  return {
    async putReference({ request, user }) {
      const room = await store.read((db) => roomOf(db, user, settings));
      endWhenSilent(request, uploadSilenceMs);
      const incoming = incomingFrom(request, settings.largest_blob, room);
      const row = await keepBlob(parts, incoming, (db, { hash }) => newReference(db, hash, user));
      return { reference: printReference(row) };
    },
    showReference: ({ params: { key }, user }) =>
      store.read(async (db) => ({ reference: printReference(await allowedReference(db, key, user)) })),
    async getReference({ params: { key }, user, request, response }) {
      const { blob, size } = await store.read((db) => allowedReference(db, key, user));
      await sendBlob(parts, { hash: blob, size }, request, response);
    },
    deleteReference: ({ params: { key }, user }) =>
      store.write(async (db) => {
        const row = await findReference(db, key);
        if (row === undefined || row.deleted_ms !== null) throw unknownReference(key);
        if (row.owner !== user.id && !user.permissions.has('blob.delete_reference')) throw ofAnother();
        await giveUpReference(db, row, clock.now());
        return { deleted: true as const };
      }),
    async linkBlob({ params: { hash }, user }) {
      if ((await missingOf([hash])).length > 0) throw unknownBlob(hash);
      return store.write(async (db) => {
        // It may have been removed since we looked.
        if ((await findBlob(db, hash)) === undefined) throw unknownBlob(hash);
        return { reference: printReference(await newReference(db, hash, user)) };
      });
    },
    missingBlobs: async ({ body: { hashes } }) => ({ missing: await missingOf([...new Set(hashes)]) }),
    async makeReferences({ body: { hashes }, user }) {
      const missing = await missingOf([...new Set(hashes)]);
      if (missing.length > 0) return { references: [], missing };
      return store.write(async (db) => {
        const known = await knownBlobs(db, hashes);
        const gone = hashes.filter((hash) => !known.has(hash));
        if (gone.length > 0) return { references: [], missing: [...new Set(gone)] };
        const wanted = hashes.map((blob) => ({ key: newKey(), blob, size: known.get(blob)?.size ?? 0 }));
        const rows = await insertReferences(db, wanted, user.id, clock.now());
        await refuseOverQuota(db, user, settings);
        return { references: rows.map(printReference), missing: [] };
      });
    },
    createUpload: ({ user, request, response }) => takePiece(user, request, response),
    showUpload: ({ user, request, response }) => takePiece(user, request, response),
    continueUpload: ({ user, request, response }) => takePiece(user, request, response),
    deleteUpload: ({ user, request, response }) => takePiece(user, request, response),
    showBlob: ({ params: { hash } }) =>
      store.read(async (db) => ({ blob: printBlob(await knownBlob(db, hash), await countReferences(db, hash)) })),
    async getBlob({ params: { hash }, request, response }) {
      const { size } = await store.read((db) => knownBlob(db, hash));
      await sendBlob(parts, { hash, size }, request, response);
    },
    async deleteBlob({ params: { hash } }) {
      await removeBlobs(parts, async (db) => {
        await knownBlob(db, hash);
        const task = await taskInNeedOf(db, hash);
        if (task !== undefined)
          throw new GridError('in-use', `The task ${task}, which has not ended, needs this blob.`);
        await removeReferencesTo(db, hash);
        return [hash];
      });
      return { deleted: true as const };
    },
  } satisfies Some<
    | 'putReference'
    | 'showReference'
    | 'getReference'
    | 'deleteReference'
    | 'makeReferences'
    | 'missingBlobs'
    | 'createUpload'
    | 'showUpload'
    | 'continueUpload'
    | 'deleteUpload'
    | 'linkBlob'
    | 'showBlob'
    | 'getBlob'
    | 'deleteBlob'
  >;
}

/** Blobs that are looked for at the same time. */
const LOOKS = 100;

function newKey(): ReferenceKey {
  return randomUUID().replaceAll('-', '') as ReferenceKey;
}

/** The reference, when it is the user's, when the user may see all, or when it is a file of a task the user runs. */
async function allowedReference(db: Connection, key: ReferenceKey, user: User): Promise<ReferenceRow> {
  const row = await findReference(db, key);
  if (row === undefined) throw unknownReference(key);
  const isOpen = row.owner === user.id || user.permissions.has('blob.view_reference');
  if ((isOpen && row.deleted_ms === null) || (await isFileFor(db, key, user.id))) return row;
  throw row.deleted_ms === null ? ofAnother() : unknownReference(key);
}

async function knownBlob(db: Connection, hash: BlobHash) {
  const row = await findBlob(db, hash);
  if (row === undefined) throw unknownBlob(hash);
  return row;
}

function unknownBlob(hash: BlobHash): GridError {
  return new GridError('not-found', `There is no blob ${hash}.`);
}

function unknownReference(key: ReferenceKey): GridError {
  return new GridError('not-found', `There is no reference ${key}.`);
}

function ofAnother(): GridError {
  return new GridError('not-permitted', 'This reference is of another user.');
}
