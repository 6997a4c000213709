/** What goes wrong in a drill: for each program a sequence of its own, which its seed decides. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openRandom, type Random } from '../simulation/random.ts';
import { type DrillGrid, FOREMEN, LEASE_MS } from './grid.ts';
import { type Cut, CUTS, type Proxy } from './proxy.ts';
import type { Victim } from './victim.ts';

export const TROUBLES = ['kill', 'freeze', 'cut'] as const;
export type Trouble = (typeof TROUBLES)[number];
export type Counts = Record<Trouble, number>;

interface Role {
  victim: Victim;
  /** Ways to it. */
  proxies: readonly Proxy[];
  /** Of being well, between two troubles. */
  pauseMs: readonly [number, number];
  /** How long each lasts. */
  lastsMs: Record<Trouble, (random: Random) => number>;
}

/** Frozen past its lease: the server takes away leases once a second. */
const pastLease = (random: Random) => random.between(LEASE_MS + 1500, LEASE_MS + 4500);

/** Makes trouble until the signal; then all is well again. Answers how often there was which. */
export async function makeTrouble(grid: DrillGrid, seed: number, signal: AbortSignal): Promise<Counts> {
  const counts: Counts = { kill: 0, freeze: 0, cut: 0 };
  const foremen = FOREMEN.map(
    (name): Role => ({
      victim: grid.foremen[name],
      proxies: [grid.proxies[name]],
      pauseMs: [1500, 5000],
      lastsMs: {
        kill: (random) => (random.chance(0.2) ? pastLease(random) : random.between(0, 1500)),
        freeze: pastLease,
        cut: (random) => random.between(500, LEASE_MS + 3000),
      },
    }),
  );
  const server: Role = {
    victim: grid.server,
    proxies: Object.values(grid.proxies),
    pauseMs: [5000, 10_000],
    lastsMs: {
      kill: (random) => random.between(0, 1500),
      freeze: (random) => random.between(500, LEASE_MS + 1000),
      cut: (random) => random.between(500, 3000),
    },
  };
  const roles = [...foremen, server];
  await Promise.all(
    roles.map((role, index) => trouble(role, { random: openRandom(seed * 31 + index), counts, signal })),
  );
  return counts;
}

interface Course {
  random: Random;
  counts: Counts;
  signal: AbortSignal;
}

async function trouble(role: Role, { random, counts, signal }: Course): Promise<void> {
  for (;;) {
    await wait(random.between(...role.pauseMs), signal);
    if (signal.aborted) return;
    const kind = random.pick(TROUBLES);
    const ms = role.lastsMs[kind](random);
    const how = random.pick(CUTS);
    counts[kind] += 1;
    await HAPPEN[kind](role, how, () => wait(ms, signal));
  }
}

const HAPPEN = {
  async kill({ victim }, _how, last) {
    await victim.kill();
    await last();
    await victim.revive();
  },
  async freeze({ victim }, _how, last) {
    victim.freeze();
    await last();
    victim.thaw();
  },
  async cut({ proxies }, how, last) {
    for (const proxy of proxies) proxy.cut(how);
    await last();
    for (const proxy of proxies) proxy.heal();
  },
} as const satisfies Record<Trouble, (role: Role, how: Cut, last: () => Promise<void>) => Promise<void>>;

/** Ends early, and without a word, at the signal. */
const wait = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => undefined);
