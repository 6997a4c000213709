import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { control, controlSocket, openControl } from '../src/control.ts';
import { Gate } from '../src/gate.ts';
import { HeldTasks } from '../src/held.ts';
import { Seats } from '../src/seats.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');

async function open(t: ExecutionContext) {
  const state = await mkdtemp(path.join(tmpdir(), 'kolejka-control-'));
  t.teardown(() => rm(state, { recursive: true }));
  const ending = new AbortController();
  const controlled = {
    foreman: 'node',
    server: 'http://grid',
    gate: new Gate(),
    held: new HeldTasks(),
    seats: new Seats({ cpus: 2, memory: 1024 }, { cpus: 1 }, 3),
    asked: ending.signal,
  };
  const close = await openControl(controlSocket(state), controlled);
  t.teardown(close);
  return { ...controlled, state, close, ending };
}

test('a foreman says what it holds and what is free', async (t) => {
  const { state, held, seats } = await open(t);
  held.add(ID, 2);
  seats.take({ image: 'i', limits: { cpus: 1, memory: 24 }, exclusive: false });
  t.deepEqual(await control(state, 'status'), {
    foreman: 'node',
    server: 'http://grid',
    pid: process.pid,
    draining: false,
    ending: false,
    trouble: null,
    tasks: [{ task: ID, attempt: 2, phase: 'taken' }],
    places: 2,
    free: { cpus: 1, memory: '1000b' },
  });
});

test('a foreman that is drained waits at its gate until it is resumed', async (t) => {
  const { state, gate } = await open(t);
  await gate.opened();
  t.true((await control(state, 'drain')).draining);
  t.true(gate.isShut);
  const opened = gate.opened();
  t.false((await control(state, 'resume')).draining);
  await opened;
});

test('regression: a foreman that was told to end says so; it said that it takes tasks', async (t) => {
  const { state, ending } = await open(t);
  ending.abort();
  t.like(await control(state, 'status'), { draining: true, ending: true });
  t.like(await control(state, 'resume'), { draining: true, ending: true });
});

test('only the user of the foreman can use its socket, and a foreman that is gone is one sentence', async (t) => {
  const { state, close } = await open(t);
  t.is((await stat(controlSocket(state))).mode & 0o777, 0o600);
  await close();
  const refused = await t.throwsAsync(control(state, 'status'), { code: 'foreman-unreachable' });
  t.regex(refused.message, /No kolejka-foreman answers in/);
});

test('a socket that is left does not keep the next foreman from listening', async (t) => {
  const { state, ...controlled } = await open(t);
  await openControl(controlSocket(state), controlled).then((close) => t.teardown(close));
  t.is((await control(state, 'status')).foreman, 'node');
});

test('a path that is too long for a socket is one sentence', async (t) => {
  const { state, ...controlled } = await open(t);
  const refused = await t.throwsAsync(openControl(path.join(state, 'x'.repeat(120)), controlled), {
    code: 'bad-config',
  });
  t.regex(refused.message, /choose a shorter --state/);
});
