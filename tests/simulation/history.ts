/** One history: a grid at work for a while, in which things go wrong as the seed says, and then no more. */
import { createHash } from 'node:crypto';
import { TaskId } from '@kolejka/protocol';
import { findViolations, readRecords } from './check.ts';
import { FAULT_NAMES, FAULTS } from './faults.ts';
import { SimulatedGrid } from './grid.ts';
import { openRandom, type Random } from './random.ts';
import { Time } from './time.ts';
import type { Template } from './users.ts';

export interface History {
  seed: number;
  violations: string[];
  tasks: number;
  /** How often each event happened. */
  events: Record<string, number>;
  stale: number;
}

/** Things go wrong for so long, in milliseconds of the simulation. */
const TROUBLE_MS = 90_000;
/** So long may it take until everything has come to its end after that: three leases, pauses, and the longest runs. */
const PATIENCE_MS = 1_800_000;
const LOOK_MS = 5000;

/** Runs the history of a seed. */
export async function runHistory(seed: number, template: Template): Promise<History> {
  const random = openRandom(seed);
  const time = new Time();
  // Pauses after failures have some chance in them, and ask nobody else for it.
  const ordinary = Math.random;
  const pauses = openRandom(seed + 1);
  Math.random = () => pauses.next();
  const grid = new SimulatedGrid(time, random, template, `history-${process.pid}-${seed}`);
  try {
    await grid.startServer();
    for (let node = 0; node < 1 + random.below(3); node += 1) grid.addNode(`node-${node}`);
    const endings = planTrouble(grid, random);
    planTasks(grid, random, seed);
    await time.passUntil(TROUBLE_MS);
    for (const end of endings) await end();
    do await time.passUntil(time.now + LOOK_MS);
    while (time.now < TROUBLE_MS + PATIENCE_MS && (await hasUnfinished(grid)));
    const records = grid.server === undefined ? [] : await readRecords(grid.server.store);
    const events: Record<string, number> = {};
    for (const { event } of records.flatMap((record) => record.events)) events[event] = (events[event] ?? 0) + 1;
    const violations = [...grid.violations, ...findViolations(grid, records)];
    return { seed, violations, tasks: grid.tasks.size, events, stale: grid.stale };
  } finally {
    Math.random = ordinary;
    await grid.close();
  }
}

/** Notes on the agenda what goes wrong; answers what ends all that still does. */
function planTrouble(grid: SimulatedGrid, random: Random): (() => Promise<void>)[] {
  const open = new Set<() => unknown>();
  for (let count = 1 + random.below(7); count > 0; count -= 1) {
    const fault = FAULTS[random.pick(FAULT_NAMES)];
    grid.time.after(random.between(0, TROUBLE_MS), () => {
      const end = fault.begin(grid, random);
      if (end === undefined) return;
      open.add(end);
      grid.time.after(random.between(0, fault.mostMs), () => {
        if (open.delete(end)) end();
      });
    });
  }
  return [
    async () => {
      for (const end of open) await end();
      open.clear();
    },
  ];
}

function planTasks(grid: SimulatedGrid, random: Random, seed: number): void {
  for (let number = 1 + random.below(10); number > 0; number -= 1) {
    const id = TaskId.parse(createHash('md5').update(`${seed} ${number}`).digest('hex'));
    const behaviour = {
      prepareMs: random.between(0, 2000),
      runMs: random.chance(0.1) ? random.between(0, 60_000) : random.between(0, 5000),
      exit: random.below(100),
      cpus: 1 + random.below(2),
      isPoison: random.chance(0.03),
    };
    const putMs = random.between(0, TROUBLE_MS * 0.8);
    grid.time.after(putMs, () => void grid.time.during(grid.put(id, behaviour)));
    if (random.chance(0.1)) grid.time.after(putMs + random.between(1, 40_000), () => void grid.cancel(id));
  }
}

async function hasUnfinished({ server }: SimulatedGrid): Promise<boolean> {
  if (server === undefined) return true;
  const row = await server.store.read((db) =>
    db.get<{ count: number }>(`select count(*) as count from tasks where state in ('waiting', 'pending', 'assigned')`),
  );
  return (row?.count ?? 0) > 0;
}
