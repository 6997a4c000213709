/** Runs histories one after the other, as a test or a command line wants them. */
import { rm } from 'node:fs/promises';
import { type History, runHistory } from './history.ts';
import { makeTemplate } from './users.ts';

export interface Simulated {
  histories: number;
  /** Histories in which something was wrong, the first first. */
  wrong: History[];
  tasks: number;
  /** How often each event happened in all of them. */
  events: Record<string, number>;
  /** Writes that were refused because the lease was another's by then. */
  stale: number;
}

/**
 * Runs the histories of `count` seeds from `seed` on.
 * @param done hears after each how many there are
 */
export async function simulate(seed: number, count: number, done: (histories: number) => void): Promise<Simulated> {
  const template = await makeTemplate();
  const simulated: Simulated = { histories: 0, wrong: [], tasks: 0, events: {}, stale: 0 };
  try {
    for (let next = seed; next < seed + count; next += 1) {
      const history = await runHistory(next, template);
      simulated.histories += 1;
      simulated.tasks += history.tasks;
      simulated.stale += history.stale;
      for (const [event, times] of Object.entries(history.events)) {
        simulated.events[event] = (simulated.events[event] ?? 0) + times;
      }
      if (history.violations.length > 0) simulated.wrong.push(history);
      done(simulated.histories);
    }
    return simulated;
  } finally {
    await rm(template.directory, { recursive: true, force: true });
  }
}
