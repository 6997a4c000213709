/** What foremen say, and how full the queue is. */
import { familiarImage, GridError, type Verdict } from '@kolejka/protocol';
import { isStillKnown } from '../access.ts';
import { countByHolder, countByState } from '../database/counts.ts';
import { FORGOTTEN_MS, foremenSince, noteAlive } from '../database/foremen.ts';
import { keptRooms } from '../database/kept-rooms.ts';
import type { Connection } from '../database/store.ts';
import { findTask } from '../database/tasks.ts';
import type { Parts, Some } from '../parts.ts';
import { makeUpForAbsence } from '../queue/absence.ts';
import { countAhead } from '../queue/ahead.ts';
import { explainTask } from '../queue/explain.ts';
import { type Foreman, judge, renew, type Reported } from '../queue/leases.ts';
import { dequeue } from '../queue/long-poll.ts';
import { visibleTask } from '../task-access.ts';

export function queueRoutes(parts: Parts) {
  const { store, clock, classes, log, seen, stopping } = parts;
  return {
    async dequeue({ body, user, request, signal }) {
      const { concurency: most, limits, node, defaults, tags, foreman, idle, wait } = body;
      const images = new Set(body.images.map(familiarImage));
      const offer = {
        holder: user.id,
        foreman,
        most,
        limits,
        // A node that states nothing has room for everything.
        ...(Object.keys(node).length > 0 && { node }),
        defaults,
        tags,
        idle,
        images,
        paid: new Map(body.paid.map(({ image, size }) => [image, size])),
        leaseMs: parts.leaseMs,
      };
      const requireRight = async (db: Connection) => {
        if (!(await isStillKnown(db, request, clock.now())))
          throw new GridError('not-logged-in', 'You are logged out.');
      };
      const ended = AbortSignal.any([signal, stopping]);
      const taken = await dequeue(parts, offer, wait * 1000, ended, requireRight);
      for (const { id, attempt } of taken) log.say('task assigned', { task: id, attempt, user: user.name, foreman });
      const tasks = taken.map((task) => JSON.parse(task.body) as Record<string, unknown>);
      if (foreman === undefined) return { tasks };
      const leases = taken.map(({ id, attempt, leaseMs }) => ({ task: id, attempt, seconds: leaseMs / 1000 }));
      return { tasks, leases };
    },
    async heartbeat({ body: { foreman, tasks }, user }) {
      const from = { holder: user.id, foreman, leaseMs: parts.leaseMs };
      const seconds = parts.leaseMs / 1000;
      if (tasks.length === 0) return { tasks: [], seconds };
      // It may have lain in the socket while the server was away; then it is not late.
      await makeUpForAbsence(parts);
      const isDue = seen.lives(from, clock.now());
      const known = isDue ? [] : await store.read((db) => judgeAll(db, from, tasks, clock.now()));
      if (known.length === tasks.length) return { tasks: known, seconds };
      const verdicts = await store.write(async (db) => {
        if (isDue) await noteAlive(db, from, clock.now());
        const answers: Verdict[] = [];
        for (const held of tasks) answers.push(await renew(db, from, held, clock.now()));
        return answers;
      });
      return { tasks: verdicts, seconds };
    },
    explainTask: ({ params: { id }, user }) =>
      store.read(async (db) => {
        const now = clock.now();
        const task = visibleTask(await findTask(db, id), id, user);
        const taskClass = await classes.open().find(db, task.class);
        const foremen = await foremenSince(db, now - FORGOTTEN_MS);
        const ahead = await countAhead(db, task, now);
        const reasons = explainTask(task, taskClass, { foremen, ahead, rooms: await keptRooms(db, now) }, now);
        return { state: task.state, reasons };
      }),
    queueStats: () =>
      store.read(async (db) => {
        const { waiting = 0, pending = 0, assigned = 0, resolved = 0, ...rest } = await countByState(db);
        const unassigned = waiting + pending;
        const ended = Object.values(rest).reduce((sum, count) => sum + count, 0);
        return {
          task_count: unassigned + assigned + resolved + ended,
          task_resolved_count: resolved,
          task_unresolved_count: unassigned + assigned,
          task_unassigned_count: unassigned,
          task_assigned_count: assigned,
          task_assignees: await countByHolder(db),
        };
      }),
  } satisfies Some<'dequeue' | 'heartbeat' | 'explainTask' | 'queueStats'>;
}

/** Verdicts as far as nothing has to be written for them: most heartbeats only ask. */
async function judgeAll(db: Connection, from: Foreman, tasks: readonly Reported[], now: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const held of tasks) {
    const verdict = await judge(db, from, held, now);
    if (verdict === undefined) break;
    verdicts.push(verdict);
  }
  return verdicts;
}
