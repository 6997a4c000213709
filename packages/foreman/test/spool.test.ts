import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Result, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { openSpool } from '../src/spool.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
const RESULT: Result = {
  tags: ['node'],
  limits: { memory: 1024 },
  stats: { time: 12.5 },
  result: 3,
  reason: 'exit',
  stdout: 'out',
  files: { out: { path: 'out' } },
};

async function newDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-spool-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return path.join(directory, 'state');
}

test('a result that was kept is found by the next process, as it was', async (t) => {
  const directory = await newDirectory(t);
  const first = await openSpool(directory);
  const spooled = await first.add(ID, 2);
  await spooled.keep(RESULT);
  await first.close();
  const [left, ...others] = await (await openSpool(directory)).left();
  t.deepEqual(others, []);
  t.like(left?.spooled, { task: ID, attempt: 2, resultDirectory: spooled.resultDirectory });
  t.deepEqual(left?.result, RESULT);
  await left?.spooled.remove();
  t.deepEqual(await readdir(path.join(directory, 'tasks')), []);
});

test('an attempt that came to no result is found without one, also when it died while it kept it', async (t) => {
  const directory = await newDirectory(t);
  const spool = await openSpool(directory);
  const { taskDirectory } = await spool.add(ID, 1);
  await writeFile(path.join(path.dirname(taskDirectory), 'kept.json.new'), '{"tags": [');
  const [left] = await spool.left();
  t.like(left, { spooled: { task: ID, attempt: 1 }, result: undefined });
});

test('a result that cannot be read is none, and what is no attempt is left alone', async (t) => {
  const directory = await newDirectory(t);
  const spool = await openSpool(directory);
  const { taskDirectory } = await spool.add(ID, 1);
  await writeFile(path.join(path.dirname(taskDirectory), 'kept.json'), '{"tags": 5}');
  await writeFile(path.join(directory, 'tasks', 'notes.txt'), 'of an operator');
  const left = await spool.left();
  t.deepEqual(
    left.map(({ result }) => result),
    [undefined],
  );
});

test('a spool that another process has is refused, and says which', async (t) => {
  const directory = await newDirectory(t);
  const spool = await openSpool(directory);
  const refused = await t.throwsAsync(openSpool(directory), { code: 'bad-config' });
  t.regex(refused.message, new RegExp(`process ${process.pid}\\) has ${directory}`));
  await spool.close();
  await t.notThrowsAsync(openSpool(directory));
});

test('a directory that cannot be made is one sentence', async (t) => {
  const refused = await t.throwsAsync(openSpool('/proc/none/state'), { code: 'bad-config' });
  t.regex(refused.message, /choose another --state/);
});
