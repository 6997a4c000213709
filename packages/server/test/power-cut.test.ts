// What survives a power cut is what was synced. So this looks at the calls of the real server: before an answer leaves,
// the bytes of a blob, its name, and the row that names it must have been synced, in this order.
import { hash } from 'node:crypto';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addUser, createToken } from '../src/accounts.ts';
import { startKillable } from './crash/killable.ts';
import {
  answersIn,
  beforeAnswer,
  blobUnsafe,
  bytesUnsafe,
  opened,
  rowsAt,
  rowUnsafe,
  syncedAfter,
} from './crash/synced.ts';
import { missing, readTrace, tracedInto } from './crash/trace.ts';
import { temporary } from './program.ts';
import { send, type Sent } from './server-scene.ts';

const whenTraced = missing === undefined ? test : test.skip;

/** A server whose calls are written down, and one who asks it. */
async function openTraced(t: ExecutionContext) {
  const root = await temporary(t);
  const [data, file] = [path.join(root, 'data'), path.join(root, 'trace')];
  await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors'] });
  const authorization = `Bearer ${await createToken({ data }, { name: 'kim' })}`;
  const server = startKillable(data, {}, tracedInto(file));
  t.teardown(() => server.end('SIGKILL'));
  const url = await server.url;
  const ask = async (route: string, sent: Sent) => {
    const reply = await send(url + route, { ...sent, headers: { authorization, ...sent.headers } });
    t.true(reply.status < 300, `${route} ${reply.text}`);
    return reply;
  };
  const upload = async (text: string) => {
    const { json } = await ask('/blob/reference/', { body: Buffer.from(text) });
    return json['reference'] as { key: string; blob: string };
  };
  // It also notes that the token is used; what is looked at begins after it.
  await upload('first');
  const blobs = path.join(data, 'blobs');
  return {
    root,
    data,
    blobs,
    log: path.join(data, 'kolejka.sqlite-wal'),
    ask,
    upload,
    fileOf: (blob: string) => path.join(blobs, blob.slice(0, 2), blob),
    /** Ends the server and answers what it did before each answer. */
    end: async () => {
      t.is(await server.end('SIGTERM'), 0);
      const calls = await readTrace(file, server.pid);
      const answers = answersIn(calls);
      return answers.map((_, index) => beforeAnswer(calls, answers, index));
    },
  };
}

whenTraced('before an answer leaves, what it promises is synced: bytes, then their name, then the row', async (t) => {
  const { root, data, blobs, log, ask, upload, fileOf, end } = await openTraced(t);
  const small = await upload('a few bytes');
  const large = await upload('x'.repeat(3_000_000));
  const again = await upload('a few bytes');
  const files = { a: { reference: small.key } };
  const put = await ask('/task/task/', { json: { image: 'x', files } });
  const { id } = put.json['task'] as { id: string };
  const dequeued = await ask('/queue/dequeue/', { json: { foreman: 'f' } });
  const [{ attempt }] = dequeued.json['leases'] as [{ attempt: number }];
  const held = { task: id, attempt, phase: 'running' };
  await ask('/queue/heartbeat/', { json: { foreman: 'f', tasks: [held] } });
  const result = { id, attempt, result: 0, files: { out: { reference: large.key } } };
  await ask('/task/result/', { json: result });
  await ask(`/task/result/${id}/`, { method: 'DELETE' });

  const did = await end();
  t.is(did.length, 9);
  // The directories that lead to all of it, too.
  for (const directory of [root, data, blobs]) t.true(syncedAfter(did[0] ?? [], opened(directory), -1), directory);
  for (const [index, calls] of did.entries()) t.is(rowUnsafe(calls, log), '', `answer ${index}`);
  const bytes = new RegExp(`<${blobs}/incoming/[^/]+/(?!lock)[^/>]+>`);
  for (const [index, { blob }] of [small, large, again].entries()) {
    const calls = did[index + 1] ?? [];
    t.is(blobUnsafe(calls, { file: fileOf(blob), bytes }, rowsAt(calls, log).first), '', `upload ${index}`);
  }
});

whenTraced('pieces of an upload are synced before they are acknowledged, and the whole as any blob', async (t) => {
  const { blobs, log, ask, fileOf, end } = await openTraced(t);
  const text = 'some bytes, and some more';
  const tus = { 'tus-resumable': '1.0.0' };
  const begun = await ask('/blob/upload/', { method: 'POST', headers: { ...tus, 'upload-length': `${text.length}` } });
  const place = `/blob/upload/${begun.headers.get('location')}`;
  const add = (from: number, to: number) => {
    const headers = { ...tus, 'upload-offset': `${from}`, 'content-type': 'application/offset+octet-stream' };
    return ask(place, { method: 'PATCH', headers, body: Buffer.from(text.slice(from, to)) });
  };
  await add(0, 10);
  const last = await add(10, text.length);
  t.truthy(last.headers.get('upload-reference'));

  const did = await end();
  t.is(did.length, 4);
  for (const [index, calls] of did.entries()) t.is(rowUnsafe(calls, log), '', `answer ${index}`);
  const [, beginning = [], piece = [], whole = []] = did;
  const directory = path.join(blobs, 'uploads');
  const { first } = rowsAt(beginning, log);
  t.true(syncedAfter(beginning, new RegExp(`<${directory}/[0-9a-f]+>`), -1, first));
  t.true(syncedAfter(beginning, opened(directory), -1, first));
  const bytes = new RegExp(`<${directory}/[0-9a-f]+/bytes>`);
  t.is(bytesUnsafe(piece, bytes, rowsAt(piece, log).first), '');
  t.is(bytesUnsafe(whole, bytes, rowsAt(whole, log).first), '');
  const file = fileOf(hash('sha256', text));
  t.is(blobUnsafe(whole, { file, bytes }, rowsAt(whole, log).last), '');
});
