/** Requests a second at 1, 8 and 64 connections, and whole lives of tasks: put, dequeue, result, get. */
import path from 'node:path';
import type { Effort, Samples } from './bench.ts';
import { type Shot, shoot } from './load.ts';
import { gatherSamples, type Gathered } from './samples.ts';
import { dequeue, get, put, result, type Taken } from './shots.ts';
import { prepareUsers, startServer, type TestedServer } from './tested-server.ts';
import { temporaryDirectory } from './undo.ts';

/** Tasks in one run, by how many connections there are. */
const TASKS = { 1: 400, 8: 1600, 64: 3200 };
const FEW_TASKS = { 1: 8, 8: 16, 64: 64 };
const LIVES = { connections: 8, amount: 4000, few: 40 };

export async function measureServer({ runs, quick, say }: Effort): Promise<Samples> {
  const data = path.join(await temporaryDirectory(), 'data');
  const server = await startServer(data, await prepareUsers(data));
  const counts = Object.entries(quick ? FEW_TASKS : TASKS).map(([at, tasks]) => [Number(at), tasks] as const);
  const lives = quick ? LIVES.few : LIVES.amount;

  const gathered = gatherSamples();
  let errors = 0;
  // The first is not counted: a program that has just started is compiled while it runs.
  for (let run = 0; run <= runs; run += 1) {
    say(run === 0 ? 'warming up' : `run ${run} of ${runs}`);
    const into = run === 0 ? gatherSamples() : gathered;
    for (const [connections, tasks] of counts) errors += await measureVerbs(server, connections, tasks, into);
    errors += await measureLives(server, lives, into);
  }
  gathered.add('errors', errors);
  await server.stop();
  return gathered.all();
}

/** Puts tasks, takes them all, hands in a result of each, and gets each. */
async function measureVerbs(
  { url, tokens }: TestedServer,
  connections: number,
  tasks: number,
  into: Gathered,
): Promise<number> {
  let errors = 0;
  const measure = async (verb: string, shot: Shot) => {
    const outcome = await shoot({ url, connections, amount: tasks, round: [shot] });
    into.add(`${verb}_per_s_c${connections}`, (tasks - outcome.errors) / outcome.seconds);
    errors += outcome.errors;
  };
  const taken: Taken[] = [];
  const resolved: string[] = [];
  await measure('put', put(tokens));
  await measure('dequeue', dequeue(tokens, { hear: (task) => taken.push(task) }));
  await measure('result', result(tokens, { of: () => taken.pop(), hear: (id) => resolved.push(id) }));
  await measure('get', get(tokens, { of: () => resolved.pop() }));
  return errors;
}

/** Whole lives: the task a connection takes need not be the one it put, the result is of the one it took. */
async function measureLives(server: TestedServer, lives: number, into: Gathered): Promise<number> {
  const { url, tokens } = server;
  let ended = 0;
  const round = [
    put(tokens),
    dequeue(tokens, { hear: (task, memory) => (memory['taken'] = task) }),
    result(tokens, {
      of: (memory) => memory['taken'] as Taken | undefined,
      hear: (id, memory) => (memory['resolved'] = id),
    }),
    get(tokens, { of: (memory) => memory['resolved'] as string | undefined, hear: () => (ended += 1) }),
  ];
  const serverMs = await server.cpuMs();
  const load = process.cpuUsage();
  const { connections } = LIVES;
  const { seconds, errors } = await shoot({ url, connections, amount: lives * round.length, round });
  const { user, system } = process.cpuUsage(load);
  into.add(`lives_per_s_c${connections}`, ended / seconds);
  into.add('server_cpu_ms_per_life', ((await server.cpuMs()) - serverMs) / ended);
  into.add('load_cpu_ms_per_life', (user + system) / 1000 / ended);
  return errors;
}
