/** The part of the load that uploads: whole bodies and chunked ones, small ones and some that are cut in the middle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from 'node:crypto';
import type { BlobHash, Reference } from '@kolejka/protocol';
import type { Line } from './line.ts';
import type { Random } from './random.ts';
import type { Told } from './told.ts';

/** Who is at work, with what. */
export interface Worker {
  line: Line;
  told: Told;
  random: Random;
  token: string;
}

/** Uploads something and writes its reference down; undefined when no answer came. */
export async function upload(worker: Worker, bytes?: Buffer): Promise<Reference | undefined> {
  const reference = await send(worker, bytes ?? worker.random.bytes(sizeOf(worker.random)));
  if (reference !== undefined) worker.told.references.set(reference.key, reference.blob);
  return reference;
}

async function send({ line, told, random, token }: Worker, bytes: Buffer): Promise<Reference | undefined> {
  const body = random.chance(0.3) ? inChunks(bytes, random) : bytes;
  const reply = await line.ask('/blob/reference/', { token, body });
  if (reply === undefined) return undefined;
  const { reference } = reply.json as { reference?: Reference };
  const expected = hash('sha256', bytes);
  if (reply.status === 200 && reference?.blob === expected) return reference;
  told.wrong.push(`an upload of ${expected} was answered with ${reply.said}`);
  return undefined;
}

/** Makes references to bytes that the server has. */
export async function link({ line, told, random, token }: Worker): Promise<void> {
  const blobs = [...told.references.values()];
  const [one, other] = [random.pick(blobs), random.pick(blobs)];
  if (one === undefined || other === undefined) return;
  const [path, json] = random.chance(0.5)
    ? [`/blob/blob/${one}/`, undefined]
    : ['/blob/references/', { hashes: [one, other] }];
  const reply = await line.ask(path, { token, method: 'POST', json });
  if (reply === undefined) return;
  const { reference, references = [] } = reply.json as { reference?: Reference; references?: Reference[] };
  const made = reference === undefined ? references : [reference];
  for (const { key, blob } of made) told.references.set(key, blob);
  // Nobody deletes blobs whose references are written down.
  if (made.length === 0) told.wrong.push(`linking ${one} and ${other} was answered with ${reply.said}`);
}

/** Uploads bytes nobody else has, deletes the blob, now and then while the same bytes come again; some come back. */
export async function uploadAndDelete(worker: Worker): Promise<void> {
  const { told, random } = worker;
  const bytes = random.bytes(100 + random.whole(10_000));
  const reference = await send(worker, bytes);
  if (reference === undefined) return;
  const again = random.chance(0.3) ? send(worker, bytes) : undefined;
  await deleteBlob(worker, reference.blob);
  // Which of the two came first is not known. What is deleted after both is gone.
  if (again !== undefined) {
    const other = await again;
    await deleteBlob(worker, reference.blob);
    if (other !== undefined) told.gone.references.add(other.key);
  }
  told.gone.references.add(reference.key);
  told.gone.blobs.add(reference.blob);
  if (random.chance(0.5)) return;
  told.gone.blobs.delete(reference.blob);
  await upload(worker, bytes);
}

async function deleteBlob({ line, told, token }: Worker, blob: BlobHash): Promise<void> {
  const reply = await line.insist(`/blob/blob/${blob}/`, { token, method: 'DELETE' });
  // 404: it was deleted by a request whose answer was lost.
  if (reply.status !== 200 && reply.status !== 404) told.wrong.push(`deleting a blob: ${reply.said}`);
}

/** Gives a reference up. */
export async function giveUp({ line, told, random, token }: Worker, mine: readonly Reference[]): Promise<void> {
  const reference = random.pick(mine);
  if (reference === undefined || !told.references.delete(reference.key)) return;
  const reply = await line.insist(`/blob/reference/${reference.key}/`, { token, method: 'DELETE' });
  if (reply.status !== 200 && reply.status !== 404) told.wrong.push(`giving a reference up: ${reply.said}`);
  told.gone.references.add(reference.key);
}

/** Reads an acknowledged reference back. */
export async function readBack({ line, told, random, token }: Worker): Promise<void> {
  const found = random.pick([...told.references]);
  if (found === undefined) return;
  const [key, expected] = found;
  const reply = await line.insist(`/blob/reference/${key}/`, { token });
  if (!told.references.has(key)) return;
  if (reply.status !== 200) told.wrong.push(`reference ${key}: ${reply.said}`);
  else if (hash('sha256', reply.bytes) !== expected) told.wrong.push(`reference ${key} has other bytes`);
}

/** Most are small; of the large ones the server is in the middle when it is killed. */
function sizeOf(random: Random): number {
  if (random.chance(0.1)) return 256 * 1024 + random.whole(4 * 1024 ** 2);
  return random.whole(random.chance(0.5) ? 200 : 20_000);
}

/** Without a length, in pieces, with pauses: it takes long enough to be cut. */
function inChunks(bytes: Buffer, random: Random): ReadableStream<Uint8Array> {
  const step = Math.max(1, Math.ceil(bytes.length / (1 + random.whole(6))));
  return ReadableStream.from(
    (async function* pieces() {
      for (let from = 0; from < bytes.length; from += step) {
        yield bytes.subarray(from, from + step);
        await sleep(random.whole(15));
      }
    })(),
  );
}
