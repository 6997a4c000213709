import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GridError, type TaskEvent } from '@kolejka/protocol';
import test from 'ava';
import { temporary } from './listen.ts';
import { playOriginal } from './original.ts';
import type { Client } from '../src/index.ts';

const TASK = '3c75df3c485047cf988ac3f0dfed4262';
const RUN = '#!/bin/sh\necho hello\n';
const SPEC = {
  image: 'busybox:local',
  limits: { cpus: 1, memory: '64M', swap: 0, pids: 16, storage: '64M', image: '512M', workspace: '64M', time: '10s' },
  args: ['sh', './run.sh'],
  stdout: 'stdout.txt',
  files: { 'run.sh': 'run.sh' },
};

function taskDirectory(directory: string): string {
  const task = path.join(directory, 'task');
  mkdirSync(task);
  writeFileSync(path.join(task, 'kolejka_task.json'), JSON.stringify(SPEC));
  writeFileSync(path.join(task, 'run.sh'), RUN);
  return task;
}

test('the login dance is that of the original: logout, login with the token, then cookies on everything', async (t) => {
  const { client, asked } = await playOriginal(t, 'blobput');
  await client.putBlob(Buffer.from('hello blob'));
  t.deepEqual(
    asked.map(({ method, path: at }) => `${method} ${at}`),
    [
      'GET /logout/',
      'POST /login/',
      'POST /blob/blob/e997afd18e5f6be004fc193aed2c90291e68ab2c7599a62538c935b7fca6ab0f/',
      'POST /blob/reference/',
    ],
  );
  t.is(asked[1]?.headers['content-type'], 'application/x-www-form-urlencoded');
  t.is(asked[3]?.headers.referer, `${client.server}/`);
  t.is(asked[3]?.headers['content-length'], '10');
});

test('bytes the original does not have are sent', async (t) => {
  const { client, asked } = await playOriginal(t, 'blobput');
  const file = path.join(temporary(t), 'file');
  writeFileSync(file, 'hello blob');
  t.is(String((await client.putBlob(file)).key), '31ed66eb3dab45b5b740308443177cd6');
  t.is(asked.at(-1)?.body.toString(), 'hello blob');
});

test('bytes the original has are linked by hash only', async (t) => {
  const { client, asked } = await playOriginal(t, 'blobput2');
  t.is(String((await client.putBlob(Buffer.from('hello blob'))).key), 'f96d4cf0a8924f739ceb032cc732979a');
  t.is(asked.length, 3);
});

test('a blob of the original is written to a file', async (t) => {
  const { client } = await playOriginal(t, 'blobget');
  const directory = temporary(t);
  const file = path.join(directory, 'deeper', 'file');
  t.is(await client.downloadTo('31ed66eb3dab45b5b740308443177cd6', file), 10);
  t.is(readFileSync(file, 'utf8'), 'hello blob');
  t.deepEqual(readdirSync(path.dirname(file)), ['file']);
});

test('an unknown reference of the original is named', async (t) => {
  const { client } = await playOriginal(t, 'blobget404');
  const get = client.downloadTo('31ed66eb3dab45b5b740308443177cd6', path.join(temporary(t), 'file'));
  const error = await t.throwsAsync(get, { instanceOf: GridError });
  t.is(error.exit, 4);
  t.regex(error.message, /no reference 31ed66eb/);
});

test('a task is put as the original client puts it, without paths of this machine', async (t) => {
  const { client, asked } = await playOriginal(t, 'taskput');
  const task = await client.putTask(taskDirectory(temporary(t)));
  t.is(String(task.id), TASK);
  const { files, ...sent } = JSON.parse(asked.at(-1)?.body.toString() ?? '') as Record<string, unknown>;
  t.deepEqual(files, { 'run.sh': { reference: 'ef49e18c445f42978ded8b1855003a87' } });
  t.is(
    JSON.stringify(sent),
    '{"image":"busybox:local","requires":[],"limits":{"cpus":1,"memory":"67108864b","swap":"0b","pids":16,"storage":"67108864b","image":"536870912b","workspace":"67108864b","time":"10.0s"},"environment":{},"args":["sh","./run.sh"],"stdout":"stdout.txt","collect":[]}',
  );
});

test('a task of the original comes back as a directory', async (t) => {
  const { client } = await playOriginal(t, 'taskget');
  const directory = path.join(temporary(t), 'task');
  await client.getTask(TASK, directory);
  t.is(readFileSync(path.join(directory, 'run.sh'), 'utf8'), RUN);
  const spec = JSON.parse(readFileSync(path.join(directory, 'kolejka_task.json'), 'utf8')) as typeof SPEC;
  t.deepEqual(spec.files as unknown, { 'run.sh': { path: 'run.sh', reference: 'ef49e18c445f42978ded8b1855003a87' } });
  t.is(spec.limits.time, '10.0s');
});

test('a result of the original is written as its own client writes it', async (t) => {
  const { client } = await playOriginal(t, 'resultget');
  const directory = path.join(temporary(t), 'result');
  const { result } = await client.getResult(TASK, directory);
  t.is(result.result, 0);
  t.is(readFileSync(path.join(directory, 'stdout.txt'), 'utf8'), 'hello\n');
  const text = readFileSync(path.join(directory, 'kolejka_result.json'), 'utf8');
  t.true(
    text.startsWith('{\n  "files": {\n    "stdout.txt": {\n      "path": "stdout.txt",\n      "reference": "a9051c8c'),
    text,
  );
  t.true(text.endsWith('  ]\n}'));
  t.regex(text, /"memory": \{\n {6}"failures": 0,\n {6}"max_swap": "262144b",/);
});

test('a task of the original without a result says so', async (t) => {
  const { client } = await playOriginal(t, 'resultget404');
  const error = await t.throwsAsync(client.showResult(TASK), { instanceOf: GridError });
  t.is(error.message, `Task ${TASK} has no result yet.`);
});

test('a server of the original, which has no events, is asked again and again; at once for the first time', async (t) => {
  const { client, asked } = await playOriginal(t, 'execute');
  const directory = temporary(t);
  const task = await client.putTask(taskDirectory(directory));
  const events: TaskEvent[] = [];
  const known = await client.waitForResult(task.id, { intervalMs: 50, onEvent: (event) => events.push(event) });
  await client.saveResult(known, path.join(directory, 'result'));
  t.is(readFileSync(path.join(directory, 'result', 'stdout.txt'), 'utf8'), 'hello\n');
  t.deepEqual(events, []);
  t.is(asked.filter(({ path: at }) => at.startsWith('/task/result/')).length, 3);
});

test('a session that has ended is renewed once, and the call is made again', async (t) => {
  const { client, asked, forgetSession } = await playOriginal(t, 'taskget');
  await client.showTask(TASK);
  forgetSession();
  // Several calls are refused at the same moment.
  await Promise.all([client.showTask(TASK), client.showTask(TASK), client.showTask(TASK)]);
  t.is(asked.filter(({ path: at }) => at === '/login/').length, 2);
});

test('what is deleted on a server of the original is deleted, and what is not there is no error', async (t) => {
  const cases = [
    ['taskdel', (client: Client) => client.deleteTask(TASK), true],
    ['taskdel2', (client: Client) => client.deleteTask(TASK), false],
    ['resultdel', (client: Client) => client.deleteResult(TASK), true],
    ['resultdel2', (client: Client) => client.deleteResult(TASK), false],
    ['blobdel', (client: Client) => client.deleteBlob('31ed66eb3dab45b5b740308443177cd6'), true],
  ] as const;
  for (const [name, deleteOne, expected] of cases) {
    const { client, asked } = await playOriginal(t, name);
    t.is(await deleteOne(client), expected, name);
    t.is(asked.at(-1)?.method, 'DELETE');
    t.truthy(asked.at(-1)?.headers['x-csrftoken']);
  }
});
