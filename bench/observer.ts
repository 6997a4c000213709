/** Sessions of the observer: how many a second, what they add to a program, what a thousand open ones take. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openObserver } from '@kolejka/observer/client';
import { startInSession } from '@kolejka/observer/start';
import type { Limits } from '@kolejka/protocol';
import type { Bench } from './bench.ts';
import { runChild } from './child.ts';
import { gatherSamples } from './samples.ts';
import { openManySessions } from './many-sessions.ts';
import { median } from './statistics.ts';
import { startObserver, type TestedObserver } from './tested-observer.ts';
import { temporaryDirectory } from './undo.ts';

/** The program that is measured: 10 ms. */
const PROGRAM = ['sleep', '0.01'] as const;
const MB = 1e6;

/** As a judge limits a program. */
const LIMITS: Limits = { memory: 64 * 1024 ** 2, swap: 0, pids: 16, time: 10_000 };
/** Longer than an observer expects the next program. */
const SILENCE_MS = 1_200;

const WHOLE = { cycles: 300, pairs: 40, first: 8, commands: 5, sessions: 1000 };
const QUICK = { cycles: 50, pairs: 5, first: 1, commands: 1, sessions: 20 };

export const measureObserver: Bench['measure'] = async ({ runs, quick, say }) => {
  const sizes = quick ? QUICK : WHOLE;
  const samples = gatherSamples();
  const add: Add = (figure, value) => samples.add(figure, value);
  const tested = await startObserver(await temporaryDirectory());
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}: one session after the other`);
    await measureCycles(tested, sizes.cycles, add);
    say(`run ${run} of ${runs}: a program of 10 ms, plainly and in a session, in turn`);
    await measureOverhead(tested, sizes, add);
  }
  await tested.stop();
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}: ${sizes.sessions} open sessions of a new observer`);
    await measureMemory(sizes.sessions, add);
  }
  return samples.all();
};

type Add = (figure: string, value: number) => void;

/** Open, attach, stats, close, one after the other on one connection; the caller goes in and comes back. */
async function measureCycles(tested: TestedObserver, cycles: number, add: Add): Promise<void> {
  const observer = openObserver(tested.socket);
  const [begun, spent] = [performance.now(), await tested.cpuMs()];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const session = await observer.open();
    await observer.attach(session);
    await observer.stats(session);
    await observer.close(session);
  }
  add('cycles_per_s', (cycles * 1000) / (performance.now() - begun));
  add('daemon_cpu_ms_per_cycle', ((await tested.cpuMs()) - spent) / cycles);
  observer.end();
}

/** From the wish to run the program until it has ended and its statistics are here; all ways in turn. */
async function measureOverhead({ socket }: TestedObserver, sizes: typeof WHOLE, add: Add): Promise<void> {
  const observer = openObserver(socket);
  const inSession = async (limits: Limits = {}) => {
    const program = { args: PROGRAM, limits, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const;
    const { result } = await (await startInSession(observer, program)).ended;
    if (result !== 0) throw new Error(`the program ended with ${result}`);
  };
  const one = await inTurn(sizes.pairs, { plainly, inSession, limited: async () => inSession(LIMITS) });
  add('plain_ms', one.plainly);
  add('in_session_ms', one.inSession);
  add('overhead_ms', one.inSession - one.plainly);
  add('limited_overhead_ms', one.limited - one.plainly);
  const first = await inTurn(sizes.first, { plainly, inSession }, async () => sleep(SILENCE_MS));
  add('first_overhead_ms', first.inSession - first.plainly);
  const command = async () => runChild(COMMAND, ['-s', socket, ...PROGRAM]);
  const commands = await inTurn(sizes.commands, { plainly, command });
  add('command_overhead_ms', commands.command - commands.plainly);
  observer.end();
}

async function plainly(): Promise<void> {
  const [code] = await once(spawn(PROGRAM[0], PROGRAM.slice(1), { stdio: 'ignore' }), 'exit');
  if (code !== 0) throw new Error(`the program ended with ${code}`);
}

const COMMAND = new URL('../packages/observer/bin/kolejka-runner.js', import.meta.url).pathname;

/**
 * Medians of the times of some ways, in milliseconds; what else happens on the machine meets all.
 * @param before what is done before each
 */
async function inTurn<Way extends string>(
  rounds: number,
  ways: Readonly<Record<Way, () => Promise<void>>>,
  before = async () => {},
): Promise<Record<Way, number>> {
  const names = Object.keys(ways) as Way[];
  const times = new Map(names.map((name): [Way, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      await before();
      times.get(name)?.push(await timed(ways[name]));
    }
  }
  return Object.fromEntries([...times].map(([name, taken]) => [name, median(taken)])) as Record<Way, number>;
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

async function measureMemory(sessions: number, add: Add): Promise<void> {
  const tested = await startObserver(await temporaryDirectory());
  add('rss_mb_idle', (await tested.peakBytes()) / MB);
  const many = await openManySessions(tested.socket, sessions);
  add('rss_mb_1000', (await tested.peakBytes()) / MB);
  await many.close();
  await tested.stop();
}
