/** What a task prints while it runs: kept for a while, and read by whoever follows it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FINAL_STATES, GridError } from '@kolejka/protocol';
import { keepOutput, readOutput } from '../database/output.ts';
import { findTask } from '../database/tasks.ts';
import type { Asked, Parts, Some } from '../parts.ts';
import { holds } from '../queue/leases.ts';
import { visibleTask } from '../task-access.ts';

/** Pause between two looks for more. Parts come through the database: they may have been sent to another server. */
const LOOK_MS = 500;

export function outputRoutes({ store, clock, stopping }: Parts) {
  const look = ({ params: { id }, query, user }: Asked<'showOutput'>) =>
    store.read(async (db) => {
      const { number, state, attempt } = visibleTask(await findTask(db, id), id, user);
      const seen = query.attempt === attempt ? query : { stdout: 0, stderr: 0 };
      const parts = await readOutput(db, number, seen);
      return { state, ended: FINAL_STATES.includes(state), attempt, parts };
    });

  return {
    async putOutput({ params: { id }, body: { foreman, attempt, parts }, user }) {
      await store.write(async (db) => {
        const row = await findTask(db, id);
        if (row === undefined) throw new GridError('not-found', `There is no task ${id}.`);
        if (!holds(row, { holder: user.id, foreman }, attempt))
          throw new GridError('stale-lease', `Task ${id} is no longer yours: what it prints is not kept.`);
        for (const part of parts) await keepOutput(db, row.number, part);
      });
      return { kept: true } as const;
    },
    async showOutput(asked) {
      const ended = AbortSignal.any([asked.signal, stopping]);
      const until = clock.monotonic() + asked.query.wait * 1000;
      for (;;) {
        const found = await look(asked);
        const isNews = found.parts.length > 0 || found.ended;
        if (isNews || ended.aborted || clock.monotonic() >= until) return found;
        await sleep(LOOK_MS, undefined, { signal: ended }).catch(() => undefined);
      }
    },
  } satisfies Some<'putOutput' | 'showOutput'>;
}
