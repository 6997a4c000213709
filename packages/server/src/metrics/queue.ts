/** The queue as numbers, read from the database when somebody asks. */
import { type State, STATES } from '@kolejka/protocol';
import { Gauge, type Registry } from 'prom-client';
import { countByState } from '../database/counts.ts';
import type { Store } from '../database/store.ts';

/** Adds the gauges to the registry. */
export function gaugesOfQueue(registry: Registry, store: Store): void {
  const tasks = new Gauge({
    name: 'kolejka_tasks',
    help: 'Tasks by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const counts = await store.read((db) => countByState(db));
      for (const state of Object.keys(STATES) as State[]) tasks.set({ state }, counts[state] ?? 0);
    },
  });
}
