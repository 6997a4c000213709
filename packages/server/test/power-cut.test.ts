// What survives a power cut is what was synced. So this looks at the calls of the real server: before an answer leaves,
// the bytes of a blob, its name, and the row that names it must have been synced, in this order.
import path from 'node:path';
import test from 'ava';
import { addUser, createToken } from '../src/accounts.ts';
import { startKillable } from './crash/killable.ts';
import { type Call, missing, readTrace, tracedInto } from './crash/trace.ts';
import { temporary } from './program.ts';
import { send } from './server-scene.ts';

const whenTraced = missing === undefined ? test : test.skip;

const isSync = ({ name }: Call) => name === 'fsync' || name === 'fdatasync';
const isWrite = ({ name }: Call) => name.includes('write');
const isNaming = ({ name }: Call) => name.startsWith('link') || name.startsWith('rename');

whenTraced('before an answer leaves, what it promises is synced: bytes, then their name, then the row', async (t) => {
  const root = await temporary(t);
  const [data, file] = [path.join(root, 'data'), path.join(root, 'trace')];
  await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors'] });
  const headers = { authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}` };
  const server = startKillable(data, {}, tracedInto(file));
  t.teardown(() => server.end('SIGKILL'));
  const url = await server.url;
  const ask = async (route: string, sent: { json?: unknown; body?: Buffer; method?: string }) => {
    const reply = await send(url + route, { ...sent, headers });
    t.is(reply.status, 200, `${route} ${reply.text}`);
    return reply.json;
  };
  const upload = async (text: string) => {
    const { reference } = (await ask('/blob/reference/', { body: Buffer.from(text) })) as {
      reference: { key: string; blob: string };
    };
    return reference;
  };

  // The first request also notes that the token is used; what is looked at begins after it.
  await upload('first');
  const small = await upload('a few bytes');
  const large = await upload('x'.repeat(3_000_000));
  const again = await upload('a few bytes');
  const files = { a: { reference: small.key } };
  const { id } = (await ask('/task/task/', { json: { image: 'x', files } }))['task'] as { id: string };
  const dequeued = await ask('/queue/dequeue/', { json: { foreman: 'f' } });
  const [{ attempt }] = dequeued['leases'] as [{ attempt: number }];
  const held = { task: id, attempt, phase: 'running' };
  await ask('/queue/heartbeat/', { json: { foreman: 'f', tasks: [held] } });
  const result = { id, attempt, result: 0, files: { out: { reference: large.key } } };
  await ask('/task/result/', { json: result });
  await ask(`/task/result/${id}/`, { method: 'DELETE' });
  t.is(await server.end('SIGTERM'), 0);

  const calls = await readTrace(file, server.pid);
  const answers = calls.filter((call) => isWrite(call) && /"HTTP\/1.1 20[014] /.test(call.args));
  t.is(answers.length, 9);
  // The directories that lead to all of it, too.
  for (const directory of [root, data, path.join(data, 'blobs')]) {
    const isKept = calls.some(
      (call) => isSync(call) && call.args.includes(`<${directory}>`) && call.done < (answers[0]?.begun ?? 0),
    );
    t.true(isKept, directory);
  }
  let since = -1;
  for (const [index, answer] of answers.entries()) {
    const before = calls.filter(({ begun, done }) => begun > since && done < answer.begun);
    const row = rowSafe(before, path.join(data, 'kolejka.sqlite-wal'));
    t.is(row.unsafe, '', `answer ${index}`);
    const blob = [undefined, small, large, again][index]?.blob;
    if (blob !== undefined) t.is(blobUnsafe(before, path.join(data, 'blobs'), blob, row.begun), '', `answer ${index}`);
    since = answer.done;
  }
});

/** What is wrong about the row: it must be written, and synced after that. */
function rowSafe(calls: readonly Call[], log: string): { unsafe: string; begun: number } {
  const ofLog = calls.filter(({ args }) => args.includes(`<${log}>`));
  const writes = ofLog.filter(isWrite);
  const written = Math.max(...writes.map(({ done }) => done));
  if (writes.length === 0) return { unsafe: 'nothing was written to the database', begun: 0 };
  const isSafe = ofLog.some((call) => isSync(call) && call.begun > written);
  return { unsafe: isSafe ? '' : 'the database was not synced', begun: Math.min(...writes.map(({ begun }) => begun)) };
}

/** What is wrong about the bytes: they are written aside, synced, named, the name is synced, and then comes the row. */
function blobUnsafe(calls: readonly Call[], blobs: string, hash: string, row: number): string {
  const shelf = path.join(blobs, hash.slice(0, 2));
  const named = calls.find((call) => isNaming(call) && call.args.includes(`"${shelf}/${hash}"`));
  if (named === undefined) return 'the bytes have no name';
  const bytes = calls.filter(
    ({ args }) => new RegExp(`<${blobs}/incoming/[^/]+/[^/>]+>`).test(args) && !args.includes('/lock>'),
  );
  const written = Math.max(...bytes.filter(isWrite).map(({ done }) => done));
  if (!Number.isFinite(written)) return 'no bytes were written';
  if (written > named.begun) return 'bytes were written after they had their name';
  if (!bytes.some((call) => isSync(call) && call.begun > written && call.done < named.begun)) {
    return 'the bytes were not synced before they had their name';
  }
  const isKept = calls.some(
    (call) => isSync(call) && call.args.includes(`<${shelf}>`) && call.begun > named.done && call.done < row,
  );
  return isKept ? '' : 'the name was not synced before the row was written';
}
