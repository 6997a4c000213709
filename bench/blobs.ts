/** Files up and down: how many small ones, how fast a large one, in how much memory of the server. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Effort, Samples } from './bench.ts';
import { type Connection, openConnection } from './connection.ts';
import { checksum, writeRandomFile } from './large-file.ts';
import { gatherSamples, type Gathered } from './samples.ts';
import { ratios } from './statistics.ts';
import { prepareUsers, startServer, type TestedServer } from './tested-server.ts';
import { temporaryDirectory } from './undo.ts';

/** So many files of so many bytes. */
interface Many {
  bytes: number;
  count: number;
}

const KIB = 1024;
const MIB = 1024 ** 2;
const FULL = { large: 1024 * MIB, middle: { bytes: MIB, count: 64 }, small: { bytes: KIB, count: 1600 } };
const QUICK = { large: 8 * MIB, middle: { bytes: MIB, count: 8 }, small: { bytes: KIB, count: 40 } };

/** Connections at the same time, where many files go up and down. */
const CONNECTIONS = 8;

export async function measureBlobs({ runs, quick, say }: Effort): Promise<Samples> {
  const { large, middle, small } = quick ? QUICK : FULL;
  const directory = await temporaryDirectory();
  const gathered = gatherSamples();
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`);
    // A new server each time, so that the peak of its memory is of this run.
    const data = path.join(directory, `data-${run}`);
    const server = await startServer(data, await prepareUsers(data));
    gathered.add('rss_mb_idle', (await server.peakBytes()) / 1e6);
    await measureLarge(server, path.join(directory, 'large'), large, gathered);
    gathered.add('rss_mb_1g', (await server.peakBytes()) / 1e6);
    const middles = await measureMany(server, middle);
    gathered.add('up_mb_per_s_1m', (middles.up * middle.bytes) / 1e6);
    gathered.add('down_mb_per_s_1m', (middles.down * middle.bytes) / 1e6);
    const smalls = await measureMany(server, small);
    gathered.add('up_per_s_1k', smalls.up);
    gathered.add('down_per_s_1k', smalls.down);
    await server.stop();
    await rm(data, { recursive: true });
  }
  const over = (figure: string) => ratios(gathered.of(figure), gathered.of('sha256sum_mb_per_s'));
  return {
    ...gathered.all(),
    up_over_sha256sum: over('up_mb_per_s_1g'),
    down_over_sha256sum: over('down_mb_per_s_1g'),
  };
}

/** One file up and down, and what `sha256sum` needs for it in between. */
async function measureLarge(server: TestedServer, file: string, bytes: number, into: Gathered): Promise<void> {
  const connection = openConnection(server.url, server.tokens.client);
  const rate = async (figure: string, work: () => Promise<unknown>) =>
    into.add(figure, bytes / 1e6 / (await seconds(work)));
  await writeRandomFile(file, bytes);
  let sum = '';
  await rate('sha256sum_mb_per_s', async () => (sum = await checksum(file)));
  let reference: Stored = { key: '', blob: '', size: 0 };
  await rate('up_mb_per_s_1g', async () => {
    reference = await upload(connection, createReadStream(file, { highWaterMark: MIB }), bytes);
  });
  if (reference.blob !== sum) throw new Error(`the server stored ${reference.blob}, the file is ${sum}`);
  let came = 0;
  await rate('down_mb_per_s_1g', async () => (came = await connection.download(`/blob/reference/${reference.key}/`)));
  if (came !== bytes) throw new Error(`${came} bytes came down of ${bytes}`);
  await connection.close();
}

/** Many files, all different, over several connections; answers how many a second. */
async function measureMany(
  { url, tokens }: TestedServer,
  { bytes, count }: Many,
): Promise<{ up: number; down: number }> {
  const connections = Array.from({ length: CONNECTIONS }, () => openConnection(url, tokens.client));
  const files = Array.from({ length: count }, () => randomBytes(bytes));
  const keys: string[] = [];
  const each = <Item>(items: Item[], work: (connection: Connection, item: Item) => Promise<unknown>) =>
    Promise.all(
      connections.map(async (connection) => {
        for (let item = items.pop(); item !== undefined; item = items.pop()) await work(connection, item);
      }),
    );
  const up = await seconds(() =>
    each(files, async (connection, file) => keys.push((await upload(connection, file, bytes)).key)),
  );
  const down = await seconds(() =>
    each(keys, async (connection, key) => {
      const came = await connection.download(`/blob/reference/${key}/`);
      if (came !== bytes) throw new Error(`${came} bytes came down of ${bytes}`);
    }),
  );
  for (const connection of connections) await connection.close();
  return { up: count / up, down: count / down };
}

interface Stored {
  key: string;
  blob: string;
  size: number;
}

async function upload(
  connection: Connection,
  body: Parameters<Connection['upload']>[1],
  bytes: number,
): Promise<Stored> {
  const { reference } = await connection.upload('/blob/reference/', body, bytes);
  const stored = reference as Stored;
  if (stored.size !== bytes) throw new Error(`the server stored ${stored.size} bytes of ${bytes}`);
  return stored;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
