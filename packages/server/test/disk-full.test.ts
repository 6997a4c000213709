// The disk of the data directory is full: what comes is refused, what was acknowledged stays, and when there is room
// again the server goes on. A small file system of its own in memory, so this needs root.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import Database from 'better-sqlite3';
import { addUser, createToken } from '../src/accounts.ts';
import { checkDatabase, checkDisk } from './crash/check-database.ts';
import { startKillable } from './crash/killable.ts';
import { temporary } from './program.ts';
import { type Answer, send } from './server-scene.ts';

const whenRoot = process.getuid?.() === 0 ? test : test.skip;

/** Mounts an empty file system of so many bytes; gone at the end of the test. */
async function mountSmall(t: ExecutionContext, bytes: number): Promise<string> {
  const directory = path.join(await temporary(t), 'small');
  mkdirSync(directory);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'none', directory]);
  t.teardown(() => execFileSync('umount', ['--lazy', directory]));
  return directory;
}

/** Takes all the room there is; answers the file. */
function fill(directory: string): string {
  const ballast = path.join(directory, 'ballast');
  const file = openSync(ballast, 'w');
  const bytes = Buffer.alloc(4096);
  try {
    for (;;) writeSync(file, bytes);
  } catch {
    closeSync(file);
  }
  return ballast;
}

whenRoot(
  'a full disk refuses what comes, loses nothing, and the server goes on when there is room again',
  async (t) => {
    const disk = await mountSmall(t, 16 * 1024 ** 2);
    const data = path.join(disk, 'data');
    await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors'] });
    const headers = { authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}` };
    let server = startKillable(data);
    t.teardown(() => server.end('SIGKILL'));
    let url = (await server.url) ?? '';
    const ask = (route: string, sent: { json?: unknown; body?: Buffer; method?: string } = {}) =>
      send(url + route, { ...sent, headers });
    const put = (number: number) => ask('/task/task/', { json: { image: 'x', args: [`${number}`, 'x'.repeat(1000)] } });
    const promised: { id: string; json: unknown }[] = [];
    const note = ({ json }: Answer) => promised.push({ id: (json['task'] as { id: string }).id, json: json['task'] });

    note(await put(0));
    const kept = await ask('/blob/reference/', { body: Buffer.from('kept') });
    const { key } = kept.json['reference'] as { key: string };
    const taken = await ask('/queue/dequeue/', { json: { foreman: 'f' } });
    const [{ task, attempt }] = taken.json['leases'] as [{ task: string; attempt: number }];
    const ballast = fill(disk);

    const refused: Answer[] = [await ask('/blob/reference/', { body: Buffer.alloc(1_000_000) })];
    // The log of the database has room in it for some more.
    for (let number = 1; number < 3000 && refused.length < 5; number += 1) {
      const answer = await put(number);
      if (answer.status === 200) note(answer);
      else refused.push(answer);
    }
    refused.push(...(await Promise.all([1, 2, 3, 4].map(put))));
    const result = { id: task, attempt, result: 0 };
    refused.push(await ask('/task/result/', { json: result }));
    t.log(`${promised.length} tasks until it was full`);
    for (const { status, json } of refused) {
      t.is(status, 507);
      t.is(json['code'], 'no-space');
      t.is(json['status'], 'FAIL');
    }
    t.is((await ask(`/task/task/${task}/`)).status, 200);
    t.is((await ask(`/blob/reference/${key}/`)).text, 'kept');
    t.is((await ask('/health/ready/')).status, 503);

    unlinkSync(ballast);
    note(await put(-1));
    t.is((await ask('/task/result/', { json: result })).status, 200);
    t.is((await ask('/blob/reference/', { body: Buffer.alloc(1_000_000) })).status, 200);

    await server.end('SIGKILL');
    server = startKillable(data);
    url = (await server.url) ?? '';
    for (const { id, json } of promised) t.deepEqual((await ask(`/task/task/${id}/`)).json['task'], json);
    t.is((await ask(`/blob/reference/${key}/`)).text, 'kept');
    t.is((await ask(`/task/result/${task}/`)).status, 200);
    const database = new Database(path.join(data, 'kolejka.sqlite'), { readonly: true });
    t.deepEqual(checkDatabase(database), []);
    t.deepEqual(checkDisk(database, path.join(data, 'blobs'), true), { wrong: [], orphans: 0, leftOver: 0 });
    t.is(database.prepare('select count(*) from tasks').pluck().get(), promised.length);
    database.close();
  },
);

whenRoot(
  'regression: an upload whose piece met a full disk goes on from what was safe, and is what was sent',
  async (t) => {
    const disk = await mountSmall(t, 24 * 1024 ** 2);
    const data = path.join(disk, 'data');
    await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients'] });
    const headers = {
      authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}`,
      'tus-resumable': '1.0.0',
    };
    const server = startKillable(data);
    t.teardown(() => server.end('SIGKILL'));
    const url = (await server.url) ?? '';
    const bytes = randomBytes(6_000_000);
    const began = await send(`${url}/blob/upload/`, {
      method: 'POST',
      headers: { ...headers, 'upload-length': '6000000' },
    });
    const at = new URL(began.headers.get('location') ?? '', `${url}/blob/upload/`).href;
    const add = (from: number, to: number) =>
      send(at, {
        method: 'PATCH',
        headers: { ...headers, 'upload-offset': String(from), 'content-type': 'application/offset+octet-stream' },
        body: new Uint8Array(bytes.subarray(from, to)),
      });
    const offset = async () => Number((await send(at, { method: 'HEAD', headers })).headers.get('upload-offset'));

    t.is((await add(0, 1_000_000)).status, 204);
    const ballast = fill(disk);
    t.is((await add(1_000_000, 6_000_000)).status, 507);
    t.is(await offset(), 1_000_000);
    unlinkSync(ballast);
    const { status, headers: answered } = await add(1_000_000, 6_000_000);
    t.is(status, 204);
    const key = answered.get('upload-reference') ?? '';
    const { json } = await send(`${url}/blob/reference/${key}/`, { method: 'PUT', headers });
    t.like(json['reference'], { blob: createHash('sha256').update(bytes).digest('hex') });
  },
);
