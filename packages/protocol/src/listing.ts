/** What the observer tells the root of a node: all its sessions and tasks at one moment. */
import { z } from 'zod';
import { SessionId } from './identifiers.ts';
import { type Limits, parseLimits, printLimits } from './limits.ts';
import { checked, parseShape } from './shape.ts';
import { parseStats, printStats } from './stats-json.ts';
import type { Stats } from './stats.ts';
import { parseDuration, printDuration } from './units.ts';

const stats = checked((value, field): Stats => parseStats(value, field), 'stats');
/** In milliseconds. */
const age = checked(parseDuration, 'age');

const ListedSession = z.object({
  session_id: SessionId,
  /** Path of its control group. */
  group: z.string(),
  /** The task that it is in, by the name of its group; absent outside of tasks. */
  task: z.string().optional(),
  /** The process that opened it, as the observer counts, and its user. */
  pid: z.int(),
  uid: z.int(),
  /** Since its first process was attached, before that since it was opened. */
  age,
  limits: checked((value): Limits => parseLimits(value, 'limits', 'budget'), 'limits'),
  stats,
});

const ListedTask = z.object({
  /** Name of its control group. */
  task: z.string(),
  group: z.string(),
  /** Of its oldest process; absent when it has none. */
  age: age.optional(),
  stats,
});

export const Listing = z.object({ sessions: z.array(ListedSession), tasks: z.array(ListedTask) });
export type Listing = z.infer<typeof Listing>;

/** @throws GridError `bad-value` naming the field */
export function parseListing(value: unknown): Listing {
  return parseShape(Listing, value);
}

export function printListing({ sessions, tasks }: Listing): Record<string, unknown> {
  return {
    sessions: sessions.map((session) => ({
      ...session,
      age: printDuration(session.age),
      limits: printLimits(session.limits),
      stats: printStats(session.stats),
    })),
    tasks: tasks.map((task) => ({
      ...task,
      age: task.age === undefined ? undefined : printDuration(task.age),
      stats: printStats(task.stats),
    })),
  };
}
