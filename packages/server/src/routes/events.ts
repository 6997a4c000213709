/** Streams of events: of a task, of a user, of all. */
import { GridError } from '@kolejka/protocol';
import type { Request } from 'express';
import { isStillKnown } from '../access.ts';
import { newestEvent, type Of } from '../database/events.ts';
import type { Connection } from '../database/store.ts';
import { findTask } from '../database/tasks.ts';
import { findUser } from '../database/users.ts';
import { streamEvents } from '../events.ts';
import type { Asked, Parts, Some, User } from '../parts.ts';
import { visibleTask } from '../task-access.ts';

type Query = Asked<'watchTasks'>['query'];

export function eventRoutes(parts: Parts) {
  const { store, clock } = parts;
  return {
    async watchTasks({ query, user, request, response, signal }) {
      const { of, after } = await store.read(async (db) => {
        const asked = await tasksAsked(db, query, user);
        const isOne = asked !== 'all' && 'task' in asked;
        // The past of one task is short; that of all may be a million events, and whoever wants it says from where.
        return { of: asked, after: lastRead(request, query) ?? (isOne ? 0 : await newestEvent(db)) };
      });
      const mayRead = (db: Connection) => isStillKnown(db, request, clock.now());
      await streamEvents(parts, { of, mayRead, after, response, signal });
    },
  } satisfies Some<'watchTasks'>;
}

/** @throws GridError `not-found`, `not-permitted`, `bad-value` */
async function tasksAsked(db: Connection, { task: id, mine, user: name }: Query, user: User): Promise<Of> {
  const given = [id, mine, name].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new GridError('bad-value', 'task, mine and user: only one of them can be asked for', { field: 'task' });
  }
  if (id !== undefined) return { task: visibleTask(await findTask(db, id), id, user).number };
  if (mine !== undefined || name === user.name) return { owner: user.id };
  if (!user.permissions.has('task.view_task')) {
    throw new GridError('not-permitted', 'Events of other users take the permission task.view_task; see `mine`.');
  }
  if (name === undefined) return 'all';
  const owner = await findUser(db, name);
  if (owner === undefined) throw new GridError('not-found', `There is no user ${name}.`, { field: 'user' });
  return { owner: owner.id };
}

/** The number of the last event the reader has; undefined when it does not say. */
function lastRead(request: Request, { after }: Query): number | undefined {
  const header = Number(request.get('last-event-id') ?? Number.NaN);
  const numbers = [after, header].filter((number) => number !== undefined && Number.isSafeInteger(number));
  return numbers.length === 0 ? undefined : Math.max(...(numbers as number[]));
}
