/** The queue as numbers, looked at when somebody asks. */
import { type State, STATES } from '@kolejka/protocol';
import { Gauge, type GaugeConfiguration, type Registry } from 'prom-client';
import { countByState, countReady } from '../database/counts.ts';
import type { Store } from '../database/store.ts';
import type { Waiting } from '../queue/waiting.ts';

/** What the gauges look at. */
export interface Queue {
  store: Store;
  waiting: Waiting;
}

/** Adds the gauges to the registry. */
export function gaugesOfQueue(registry: Registry, { store, waiting }: Queue): void {
  const add = (gauge: GaugeConfiguration<string>) => registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  add({
    name: 'kolejka_tasks',
    help: 'Tasks by state.',
    labelNames: ['state'],
    async collect() {
      await orNothing(this, async () => {
        const counts = await store.read((db) => countByState(db));
        for (const state of Object.keys(STATES) as State[]) this.set({ state }, counts[state] ?? 0);
      });
    },
  });
  add({
    name: 'kolejka_ready',
    help: 'What waits for a foreman: tasks, queues (one for each class, user and priority), classes of equal requests.',
    labelNames: ['of'],
    async collect() {
      await orNothing(this, async () => {
        for (const [of, count] of Object.entries(await store.read((db) => countReady(db)))) this.set({ of }, count);
      });
    },
  });
  add({
    name: 'kolejka_foremen_waiting',
    help: 'Foremen that wait for a task.',
    collect() {
      this.set(waiting.size());
    },
  });
}

/** A database that is away takes its own numbers along, not all others: those are looked at just then. */
async function orNothing(gauge: { reset: () => void }, look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch {
    gauge.reset();
  }
}
