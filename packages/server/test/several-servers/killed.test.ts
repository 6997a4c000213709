// Ten seconds of work, more on a slow machine, with servers that are killed and started again, at random moments.
import { setTimeout as sleep } from 'node:timers/promises';
import { move, type MoveName, type State } from '@kolejka/protocol';
import pg from 'pg';
import { whenPostgres } from '../engines.ts';
import { putTasks, readEvents, runTasks, type Told } from './load.ts';
import { until } from '../until.ts';
import { openServers, type Servers } from './servers.ts';

const WORK_MS = 10_000;
/** So much must have happened to say something. */
const KILLS = 5;
const RESULTS = 20;

/** One at least runs at any time; each that was killed is told of. */
async function killAndStart(servers: Servers, signal: AbortSignal, killed: () => void): Promise<void> {
  const starting: Promise<unknown>[] = [];
  while (!signal.aborted) {
    await sleep(200 + Math.random() * 600);
    if (servers.running.length < 2) continue;
    await servers.kill(servers.any());
    killed();
    starting.push(servers.start());
  }
  await Promise.all(starting);
}

interface EventRow {
  number: string;
  id: string;
  event: MoveName;
  attempt: string;
  foreman: string | null;
}

async function readLog(database: string): Promise<EventRow[]> {
  const client = new pg.Client(database);
  await client.connect();
  const { rows } = await client.query<EventRow>(
    `select events.number, tasks.id, event, events.attempt, events.foreman
     from events join tasks on tasks.number = events.task order by events.number`,
  );
  await client.end();
  return rows;
}

whenPostgres('servers that are killed give no lease twice, lose nothing and tell every event in order', async (t) => {
  const servers = await openServers(t, 3);
  const told: Told = { tasks: new Map(), texts: new Map(), given: [], resolved: new Map() };
  const numbers: number[] = [];
  const working = new AbortController();
  const reading = new AbortController();
  const foremen = ['f1', 'f2', 'f3', 'f4'];
  const reader = readEvents(servers, numbers, reading.signal);
  const work = Promise.all([
    ...[1, 2].map(() => putTasks(servers, told, working.signal)),
    ...foremen.map((foreman) => runTasks(servers, foreman, told, working.signal)),
  ]);
  let kills = 0;
  const killing = killAndStart(servers, working.signal, () => void (kills += 1));
  const enough = until(() => kills >= KILLS && told.resolved.size >= RESULTS);
  await Promise.race([Promise.all([sleep(WORK_MS), enough]), work]);
  working.abort();
  await work;
  await killing;
  const log = await readLog(servers.database);
  t.log(`${kills} kills, ${told.tasks.size} tasks, ${told.given.length} leases, ${told.resolved.size} results`);

  // Every event in order and none missing, as a reader saw it that went from server to server.
  const last = Number(log.at(-1)?.number);
  await until(() => (numbers.at(-1) ?? 0) >= last);
  reading.abort();
  await reader;
  const logged = log.map(({ number }) => Number(number));
  t.deepEqual(
    numbers.filter((number) => number <= last),
    logged,
  );

  // Every event follows from the one before, and attempts grow by one: nobody held a task beside its holder.
  const states = new Map<string, { state: State; attempt: number }>();
  for (const { id, event, attempt, number } of log) {
    const before = states.get(id);
    const state = before === undefined ? 'pending' : move(before.state, event);
    t.is(Number(attempt), (before?.attempt ?? 0) + (event === 'assigned' ? 1 : 0), `event ${number}`);
    states.set(id, { state, attempt: Number(attempt) });
  }
  const assigned = new Map(
    log.filter(({ event }) => event === 'assigned').map(({ id, attempt, foreman }) => [`${id} ${attempt}`, foreman]),
  );
  for (const { task, attempt, foreman } of told.given) t.is(assigned.get(`${task} ${attempt}`), foreman);
  t.is(new Set(told.given.map(({ task, attempt }) => `${task} ${attempt}`)).size, told.given.length);

  // What was acknowledged is there.
  for (const [key, id] of told.tasks) {
    t.true(states.has(id), `task ${id}`);
    const again = await servers.askUntilAnswered('/task/task/', {
      json: { image: 'x', files: { file: { reference: referenceOf(told, key) } } },
      headers: { 'idempotency-key': key },
    });
    t.is((again.json['task'] as { id: string }).id, id);
  }
  for (const [task, attempt] of told.resolved) {
    const { json } = await servers.askUntilAnswered(`/task/result/${task}/`);
    t.like(json['result'], { id: task, stdout: `attempt ${attempt}` });
  }
  for (const [reference, text] of told.texts) {
    t.is((await servers.askUntilAnswered(`/blob/reference/${reference}/`)).text, text);
  }
  t.is((await readLog(servers.database)).filter(({ event }) => event === 'created').length, states.size);
});

function referenceOf({ texts }: Told, key: string): string {
  return [...texts].find(([, text]) => text === `file of ${key}`)?.[0] ?? '';
}
