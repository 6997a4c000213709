/**
 * Uploads that come in pieces, as @tus/server asks for them: `<root>/uploads/<id>/bytes`, a row in the database, and a
 * lock. It speaks the protocol; here is what is kept.
 *
 * The offset a client hears is what is safe on disk (`safe`): it is written down after each sync, and bytes behind it
 * are dropped before the next piece. The piece that completes an upload makes a blob and a reference of it before it is
 * answered. A server that dies in between leaves a complete upload, of which the next request makes the blob.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { BlobHash, GridError, type ReferenceKey } from '@kolejka/protocol';
import { DataStore, ERRORS, Upload } from '@tus/server';
import { insertReference } from '../../database/references.ts';
import {
  advanceUpload,
  bytesUnderWay,
  deleteUpload,
  finishUpload,
  findUpload,
  insertUpload,
  type UploadRow,
} from '../../database/uploads.ts';
import type { Parts, User } from '../../parts.ts';
import { explainFull, syncDirectory } from '../files.ts';
import { keepPlaced } from '../keep.ts';
import { makeLock } from '../lock.ts';
import { pour } from '../pour.ts';
import { overQuota, refuseOverQuota, roomOf } from '../quota.ts';
import { keepHash, RunningHash, takeHash } from './hashes.ts';

/** An upload may take so long from its first request to its last; then it is collected. */
const LIFE_MS = 86_400_000;

type Needs = Pick<Parts, 'store' | 'blobs' | 'clock' | 'settings' | 'uploads'>;

/** The uploads of one user; to this user there are no others. */
export class UploadStore extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'expiration', 'termination'];
  readonly #parts: Needs;
  readonly #user: User;

  constructor(parts: Needs, user: User) {
    super();
    this.#parts = parts;
    this.#user = user;
  }

  /** Makes the directory of a new upload, with its lock. */
  async makePlace(id: string): Promise<void> {
    await mkdir(this.#directory(id), { mode: 0o700 }).catch((error: unknown) => {
      throw explainFull(error);
    });
    makeLock(path.join(this.#directory(id), 'lock')).close();
  }

  override async create(upload: Upload): Promise<Upload> {
    const { store, clock, settings } = this.#parts;
    const { id, size, metadata = {} } = upload;
    try {
      if (size === undefined || !Number.isSafeInteger(size) || size < 0) throw ERRORS.INVALID_LENGTH;
      const hash = announcedHash(metadata['sha256']);
      const handle = await open(this.#bytes(id), 'wx', 0o600);
      await handle.close();
      await syncDirectory(this.#directory(id));
      await syncDirectory(this.#parts.blobs.uploads);
      const now = clock.now();
      await store.write(async (db) => {
        const room = (await roomOf(db, this.#user, settings)) - (await bytesUnderWay(db, this.#user.id));
        if (size > room) throw overQuota(room);
        const owner = this.#user.id;
        const times = { created_ms: now, expires_ms: now + LIFE_MS };
        await insertUpload(db, { id, owner, size, hash, metadata: JSON.stringify(metadata), ...times });
      });
      if (size === 0) await this.#finish(await this.#row(id));
      return upload;
    } catch (error) {
      await this.#forget(id);
      throw explainFull(error);
    }
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { store, uploads } = this.#parts;
    const row = await this.#row(id);
    if (row.reference !== null || row.safe !== offset) throw ERRORS.INVALID_OFFSET;
    const handle = await open(this.#bytes(id), 'a');
    const hasher = takeHash(uploads, id, offset);
    let end = offset;
    try {
      // What a server that died had not made safe.
      await handle.truncate(offset);
      const safe = async (count: number) => {
        end = offset + count;
        await store.write((db) => advanceUpload(db, id, end));
      };
      await pour(stream, handle, { hasher, spent: true, safe });
    } catch (error) {
      throw explainFull(error);
    } finally {
      await handle.close();
      if (hasher !== undefined) keepHash(uploads, id, hasher);
    }
    if (end === row.size) await this.#finish({ ...row, safe: end });
    return end;
  }

  override async getUpload(id: string): Promise<Upload> {
    let row = await this.#row(id);
    if (row.safe === row.size && row.reference === null) row = await this.#finish(row);
    const creation_date = new Date(row.created_ms).toISOString();
    const metadata = JSON.parse(row.metadata) as Record<string, string | null>;
    return new Upload({ id, size: row.size, offset: row.safe, metadata, creation_date });
  }

  override async remove(id: string): Promise<void> {
    await this.#row(id);
    await this.#forget(id);
  }

  override getExpiration(): number {
    return LIFE_MS;
  }

  /** The reference the upload has become, if it has. */
  async referenceOf(id: string): Promise<ReferenceKey | null> {
    return (await this.#parts.store.read((db) => findUpload(db, id)))?.reference ?? null;
  }

  async #row(id: string): Promise<UploadRow> {
    const row = await this.#parts.store.read((db) => findUpload(db, id));
    if (row === undefined || row.owner !== this.#user.id) throw ERRORS.FILE_NOT_FOUND;
    return row;
  }

  /** Makes the blob and its reference; an upload that is not what was announced goes. */
  async #finish(row: UploadRow): Promise<UploadRow> {
    const { blobs, settings } = this.#parts;
    const { id, size } = row;
    const hash = await this.#hashOf(row);
    if (row.hash !== null && row.hash !== hash) {
      await this.#forget(id);
      throw new GridError('bad-body', `The bytes have the sha256 ${hash}, not the ${row.hash} that was announced.`);
    }
    const key = randomUUID().replaceAll('-', '') as ReferenceKey;
    try {
      const placed = await blobs.adopt(this.#bytes(id), { hash, size });
      await keepPlaced(this.#parts, placed, async (db, _blob, now) => {
        await insertReference(db, { key, blob: hash, owner: row.owner }, now);
        await refuseOverQuota(db, this.#user, settings);
        await finishUpload(db, id, key);
      });
    } catch (error) {
      // What is too much will not become less by sending it again.
      if (error instanceof GridError && error.code === 'bytes-quota-reached') await this.#forget(id);
      throw explainFull(error);
    }
    this.#parts.uploads.hashes.delete(id);
    return { ...row, reference: key };
  }

  async #forget(id: string): Promise<void> {
    this.#parts.uploads.hashes.delete(id);
    await this.#parts.store.write((db) => deleteUpload(db, id));
    await rm(this.#directory(id), { recursive: true, force: true });
  }

  async #hashOf({ id, size }: UploadRow): Promise<BlobHash> {
    const known = this.#parts.uploads.hashes.get(id);
    if (known?.count === size) return known.digest();
    const anew = new RunningHash();
    const handle = await open(this.#bytes(id));
    for await (const chunk of handle.createReadStream({ highWaterMark: 1024 ** 2 })) anew.update(chunk as Buffer);
    return anew.digest();
  }

  #directory(id: string): string {
    return path.join(this.#parts.blobs.uploads, id);
  }

  #bytes(id: string): string {
    return path.join(this.#directory(id), 'bytes');
  }
}

/** @throws GridError `bad-value` */
function announcedHash(text: string | null | undefined): BlobHash | null {
  if (text === undefined || text === null) return null;
  const hash = BlobHash.safeParse(text.toLowerCase()).data;
  if (hash !== undefined) return hash;
  throw new GridError('bad-value', 'Upload-Metadata: sha256 has 64 hexadecimal digits', { field: 'Upload-Metadata' });
}
