import { randomUUID } from 'node:crypto';
import { type Clock, type Log, realClock } from '@kolejka/program';
import { type MoveName, parseTask, type TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { deliverCallbacks } from '../../src/callbacks/deliver.ts';
import {
  dueOfHost,
  hostsDue,
  type OwedRow,
  putOff,
  settleCallback,
  takeCallback,
} from '../../src/database/callbacks.ts';
import { followLog } from '../../src/database/follow.ts';
import { openStore } from '../../src/database/open.ts';
import { insertResult } from '../../src/database/results.ts';
import type { Store } from '../../src/database/store.ts';
import { findTask, insertTask, moveTask, type TaskRow } from '../../src/database/tasks.ts';
import { findUser, insertUser } from '../../src/database/users.ts';
import type { MESSAGES } from '../../src/messages.ts';
import { PATIENT } from '../engines.ts';
import { waitForTurn } from '../few-at-once.ts';
import { missing, newDatabase } from '../postgres.ts';
import { until } from '../until.ts';
import { receive } from './receiver.ts';

interface Options {
  pausesMs?: readonly number[];
  hosts?: string[];
  timeMs?: number;
  clock?: Clock;
}

/** Without PostgreSQL its tests are skipped; the set-up says why. */
const whenPostgres = missing === undefined ? test : test.skip;

const ENGINES = { sqlite: async () => ':memory:', postgres: newDatabase };

async function openScene(t: ExecutionContext, engine: keyof typeof ENGINES = 'sqlite') {
  await waitForTurn(t);
  const database = await ENGINES[engine]();
  const said: string[] = [];
  const log: Log<typeof MESSAGES> = {
    say: (name, fields) =>
      void said.push(
        `${name} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.stack : value))}`,
      ),
  };
  const open = async (): Promise<Store> => {
    const store = await openStore(database, undefined, PATIENT);
    t.teardown(() => store.close());
    return store;
  };
  const store = await open();
  const owner = await store.write(async (db) => {
    await insertUser(db, { name: 'kim', email: '', password: '', groups: [] }, 1);
    return (await findUser(db, 'kim'))?.id as number;
  });

  /** Answers the function that stops it. */
  async function deliver(options: Options = {}, on: Store = store): Promise<() => Promise<void>> {
    const stopping = new AbortController();
    const follow = await followLog(on, (error) => t.fail(String(error)));
    const settings = {
      allowed_callback_hosts: options.hosts ?? ['127.0.0.1'],
      callback_user_agent: 'kolejka-server',
      callback_time: options.timeMs ?? 5000,
    };
    const parts = { store: on, follow, clock: options.clock ?? realClock, log, settings, stopping: stopping.signal };
    const running = deliverCallbacks(parts, { pausesMs: options.pausesMs ?? [10, 20] });
    const stop = async () => {
      stopping.abort();
      await running;
    };
    t.teardown(stop);
    return stop;
  }

  async function put(url: string): Promise<TaskId> {
    const id = randomUUID().replaceAll('-', '') as TaskId;
    const task = parseTask({ image: 'busybox', callback_url: url });
    await store.write((db) => insertTask(db, { id, owner, task, now: Date.now() }));
    return id;
  }

  /** Puts a task and lets it end, in one commit with its result if it has one. */
  async function end(url: string, ...moves: MoveName[]): Promise<TaskId> {
    const id = await put(url);
    await store.write(async (db) => {
      for (const name of moves.length === 0 ? (['assigned', 'resolved'] as const) : moves) {
        const row = (await findTask(db, id)) as TaskRow;
        await moveTask(db, row, name, {}, { now: Date.now(), message: `story of ${name}` });
        if (name !== 'resolved') continue;
        const body = JSON.stringify({ id, result: 0 });
        await insertResult(db, { task: row.number, attempt: 1, holder: owner, body }, Date.now());
      }
    });
    return id;
  }

  const events = async (id: TaskId) =>
    await store.read((db) =>
      db.all<{ event: string; message: string | null }>(
        `select event, message from events join tasks on tasks.number = events.task
         where tasks.id = :id order by events.number`,
        { id },
      ),
    );
  const owed = async () =>
    await store.read((db) => db.all<{ tries: number; due_ms: number | null }>('select tries, due_ms from callbacks'));
  /** The note about the callback of a task, once there is one. */
  const note = async (id: TaskId) =>
    await until(async () => (await events(id)).find(({ event }) => event.startsWith('call')));
  return { store, open, deliver, put, end, events, owed, note, said };
}

for (const engine of ['sqlite', 'postgres'] as const) {
  const testOn = engine === 'postgres' ? whenPostgres : test;

  testOn(`a receiver is told the task and its result, and the log that it was (${engine})`, async (t) => {
    const { deliver, end, note, owed } = await openScene(t, engine);
    const receiver = await receive(t);
    await deliver();
    const url = `${receiver.at}/judge?key=secret`;
    const id = await end(url);
    const { event, message } = await note(id);
    t.deepEqual([event, message], ['called-back', `${receiver.at}/judge: answered 200 (try 1)`]);
    t.deepEqual(await owed(), []);
    t.is(receiver.heard.length, 1);
    const body = JSON.parse(receiver.heard[0]?.body ?? '') as Record<string, unknown>;
    t.deepEqual(Object.keys(body), ['task', 'result']);
    t.like(body['task'], { id, image: 'busybox', callback_url: url });
    t.deepEqual(body['result'], { id, result: 0 });
  });

  testOn(`what failed is tried again and again, then it has failed (${engine})`, async (t) => {
    const { deliver, end, note, owed } = await openScene(t, engine);
    const receiver = await receive(t, (response, nth) => response.writeHead(nth % 3 === 0 ? 200 : 503).end());
    const stop = await deliver();
    t.is((await note(await end(receiver.at))).message, `${receiver.at}/: answered 200 (try 3)`);
    await stop();
    await deliver({ pausesMs: [10] });
    const { event, message } = await note(await end(receiver.at));
    t.deepEqual([event, message], ['callback-failed', `${receiver.at}/: it answered 503 (try 2)`]);
    t.is(receiver.heard.length, 5);
    t.deepEqual(await owed(), []);
  });

  testOn(`two servers on one database tell each receiver once (${engine})`, async (t) => {
    const { deliver, end, note, open, store } = await openScene(t, engine);
    const receiver = await receive(t);
    await deliver();
    await deliver({}, engine === 'postgres' ? await open() : store);
    const ids = await Promise.all(Array.from({ length: 40 }, () => end(receiver.at)));
    for (const id of ids) t.is((await note(id)).event, 'called-back');
    t.is(receiver.heard.length, 40);
  });
}

for (const [name, moves] of [
  ['cancelled', ['cancelled']],
  ['failed', ['assigned', 'failed']],
] as const) {
  test(`of a task that was ${name} the receiver is told that and why, with no result`, async (t) => {
    const { deliver, end, note } = await openScene(t);
    const receiver = await receive(t);
    await deliver();
    const id = await end(receiver.at, ...moves);
    await note(id);
    const { task, ...told } = JSON.parse(receiver.heard[0]?.body ?? '') as Record<string, unknown>;
    t.like(task, { id });
    t.deepEqual(told, { result: null, state: name, message: `story of ${name}` });
  });
}

test('nobody is told before the task has ended', async (t) => {
  const { deliver, put, end, note, owed } = await openScene(t);
  const receiver = await receive(t);
  await deliver();
  const waiting = await put(`${receiver.at}/waiting`);
  await note(await end(`${receiver.at}/ended`));
  t.deepEqual(
    receiver.heard.map(({ path }) => path),
    ['/ended'],
  );
  t.deepEqual(await owed(), [{ tries: 0, due_ms: null }], waiting);
});

test('a task without an address owes nothing', async (t) => {
  const { put, owed } = await openScene(t);
  await put('');
  t.deepEqual(await owed(), []);
});

test('what is owed when a server starts is sent', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const receiver = await receive(t);
  const id = await end(receiver.at);
  await deliver();
  t.is((await note(id)).event, 'called-back');
});

test('what a server took that died comes due again, also when it wakes up later', async (t) => {
  const { deliver, end, note, store } = await openScene(t);
  const receiver = await receive(t);
  const id = await end(receiver.at);
  const began = performance.now();
  const taken = await store.write(async (db) => {
    const [row] = await dueOfHost(db, new URL(receiver.at).host, Date.now(), 1);
    return (await takeCallback(db, row as OwedRow, Date.now() + 300)) as OwedRow;
  });
  await deliver();
  t.is((await note(id)).message, `${receiver.at}/: answered 200 (try 2)`);
  // Two clocks, of which one has whole milliseconds.
  t.true((receiver.heard[0]?.atMs ?? 0) - began > 295);
  t.false(await store.write((db) => settleCallback(db, taken)));
  t.false(await store.write((db) => putOff(db, taken, { due_ms: 1, tries: 1 })));
});

test('a try that is cut off because the server stops is not counted, and made by the next one', async (t) => {
  const { deliver, end, note, owed } = await openScene(t);
  const receiver = await receive(t, (response, nth) => nth > 1 && response.end());
  const stop = await deliver();
  const id = await end(receiver.at);
  await until(() => receiver.heard[0]);
  await stop();
  const [row] = await owed();
  t.is(row?.tries, 0);
  t.true((row?.due_ms ?? Infinity) <= Date.now());
  await deliver();
  t.is((await note(id)).message, `${receiver.at}/: answered 200 (try 1)`);
});

test('an answer that will not change is not asked for twice', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const receiver = await receive(t, (response) => response.writeHead(404).end());
  await deliver();
  t.like(await note(await end(receiver.at)), {
    event: 'callback-failed',
    message: `${receiver.at}/: it answered 404 (try 1)`,
  });
  t.is(receiver.heard.length, 1);
});

test('hostile input 55: a host that is no longer allowed when the task ends is not called', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const receiver = await receive(t);
  await deliver({ hosts: ['localhost'] });
  const { event, message } = await note(await end(receiver.at));
  t.is(event, 'callback-failed');
  t.regex(message ?? '', /is not among the hosts to be called/);
  t.is(receiver.connections(), 0);
});

test('hostile input 55: an address that is none, from before addresses were checked, fails', async (t) => {
  const { deliver, end, note } = await openScene(t);
  await deliver();
  t.like(await note(await end('no address')), {
    event: 'callback-failed',
    message: 'callback_url: it is not an address (try 1)',
  });
});

test('hostile input 55: a receiver that never answers keeps no other waiting', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const dead = await receive(t, () => undefined);
  const well = await receive(t);
  // Whoever waits for the dead one waits longer than this test does.
  await deliver({ timeMs: 3_600_000 });
  for (let left = 0; left < 100; left += 1) await end(dead.at);
  await until(() => dead.heard[0]);
  t.is((await note(await end(well.at))).event, 'called-back');
  t.is(dead.heard.length, 1);
});

test('regression: one that comes due while it is looked for is not left until the next look', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const receiver = await receive(t);
  const id = await end(receiver.at);
  let looks = 0;
  // By the first look it is not due yet, by the time that look is over it is.
  const now = () => Date.now() - ((looks += 1) === 1 ? 60_000 : 0);
  // Pauses of a second and more never end here: it is not the next look that finds it.
  const sleep: Clock['sleep'] = (milliseconds, signal) =>
    realClock.sleep(milliseconds < 1000 ? milliseconds : 3_600_000, signal);
  await deliver({ clock: { ...realClock, now, sleep } });
  t.is((await note(id)).event, 'called-back');
});

for (const engine of ['sqlite', 'postgres'] as const) {
  const testOn = engine === 'postgres' ? whenPostgres : test;

  testOn(`regression: hosts are looked at in pieces, and one with much due hides no other (${engine})`, async (t) => {
    const { store } = await openScene(t, engine);
    const task = parseTask({ image: 'busybox', callback_url: 'http://a/' });
    await store.write(async (db) => {
      const { id: owner } = (await findUser(db, 'kim')) as { id: number };
      const owe = async (host: string, due: number) => {
        const id = randomUUID().replaceAll('-', '') as TaskId;
        const { number } = await insertTask(db, { id, owner, task, now: 1 });
        await db.run('update callbacks set host = :host, due_ms = :due where task = :number', { host, due, number });
      };
      for (let nth = 0; nth < 600; nth += 1) await owe('busy', 1);
      for (let nth = 0; nth < 600; nth += 1) await owe(`z${nth}`, nth === 599 ? 1000 : 2);
    });
    const seen = new Set<string>();
    let [from, looks]: [string | undefined, number] = [undefined, 0];
    do {
      const { hosts, next } = await store.read((db) => hostsDue(db, 100, from));
      t.true(hosts.length <= 501);
      for (const host of hosts) seen.add(host);
      from = next;
      looks += 1;
    } while (from !== undefined && looks < 10);
    t.is(looks, 2);
    t.is(seen.size, 600);
    t.false(seen.has('z599'));
  });
}

test('of one host four are called at once, and one after it has failed', async (t) => {
  const { deliver, end, note } = await openScene(t);
  const [under, most] = [new Set<object>(), { well: 0, ill: 0 }];
  let ill = false;
  const four = Promise.withResolvers<void>();
  const receiver = await receive(t, async (response, nth) => {
    under.add(response);
    const kind = ill ? 'ill' : 'well';
    most[kind] = Math.max(most[kind], under.size);
    if (under.size === 4) four.resolve();
    // The first proves that the host is well; the next are held until there are four, and then for a fifth to show up.
    if (nth > 1) await four.promise;
    setTimeout(() => {
      under.delete(response);
      response.writeHead(ill ? 503 : 200).end();
    }, 20);
  });
  // A host that is slow is not well: here none is, on however slow a machine.
  await deliver({ pausesMs: [], timeMs: 60_000, clock: { ...realClock, monotonic: () => 0 } });
  const wells = await Promise.all(Array.from({ length: 20 }, () => end(receiver.at)));
  for (const id of wells) await note(id);
  t.is(most.well, 4);
  ill = true;
  await note(await end(receiver.at));
  const ills = await Promise.all(Array.from({ length: 5 }, () => end(receiver.at)));
  for (const id of ills) await note(id);
  t.is(most.ill, 1);
});

test('no secret of an address comes into the log or the events', async (t) => {
  const { deliver, end, events, note, said } = await openScene(t);
  const receiver = await receive(t, (response, nth) =>
    nth === 2 ? response.writeHead(404).end() : response.destroy(),
  );
  await deliver();
  const id = await end(`http://kim:password1@127.0.0.1:${receiver.port}/path?key=password2#password3`);
  t.is((await note(id)).event, 'callback-failed');
  await until(() => said.find((line) => line.startsWith('callback failed')));
  t.is(receiver.heard[0]?.path, '/path?key=password2');
  t.deepEqual(
    said.map((line) => line.split(' {')[0]),
    ['callback put off', 'callback failed'],
  );
  t.notRegex(JSON.stringify([said, await events(id)]), /password/);
});
