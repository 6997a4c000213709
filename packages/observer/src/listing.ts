/** The command `list`: all sessions and tasks of the node, for its root. */
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { GridError, type Listing } from '@kolejka/protocol';
import { type Caller, placeOf } from './caller.ts';
import { type Cgroups, findTask, GROUPS_OF_TASKS, OUTSIDE } from './cgroup/index.ts';
import { startedAt } from './peer.ts';
import type { Sessions } from './sessions.ts';

/** Processes that are looked at for the age of a task; the first ones are mostly the oldest. */
const MOST_LOOKED_AT = 50;

/** @throws GridError `not-permitted` to others than root outside of tasks */
export async function listAll(caller: Caller, sessions: Sessions, cgroups: Cgroups): Promise<Listing> {
  if (caller.peer.uid !== 0 || caller.scope !== placeOf(OUTSIDE, 0).scope) {
    throw new GridError('not-permitted', 'The sessions of all are for root of the node, outside of tasks.');
  }
  const listing: Listing = { sessions: [], tasks: [] };
  for (const session of sessions.list()) {
    const { id, opener, limits } = session;
    const { path: group } = session.group;
    const stats = session.stats();
    const task = nameOf(findTask(group));
    const named = task === undefined ? {} : { task };
    const { pid, uid } = opener;
    listing.sessions.push({ session_id: id, group, ...named, pid, uid, age: stats.time ?? 0, limits, stats });
    // Reading a thousand groups takes a second: others have their turn in between.
    await turn();
  }
  for (const group of GROUPS_OF_TASKS.flatMap((above) => cgroups.children(above))) {
    const task = findTask(group) === group ? nameOf(group) : undefined;
    if (task === undefined) continue;
    const age = ageOf(cgroups.open(group).processes());
    listing.tasks.push({ task, group, ...(age !== undefined && { age }), stats: cgroups.open(group).read() });
    await turn();
  }
  return listing;
}

/** `kolejka-<run>.slice` or `<run>`: the run. */
function nameOf(group: string | undefined): string | undefined {
  return group === undefined ? undefined : path.basename(group, '.slice').replace(/^kolejka-/, '');
}

function ageOf(pids: number[]): number | undefined {
  const begun = pids.slice(0, MOST_LOOKED_AT).flatMap((pid) => startedAt(pid) ?? []);
  return begun.length === 0 ? undefined : Math.max(0, Date.now() - Math.min(...begun));
}
