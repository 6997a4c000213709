/** How tasks stand, and ending them: list, state, cancel, delete. */
import { FINAL_STATES, GridError } from '@kolejka/protocol';
import { cancelTask, removeTask } from '../database/removal.ts';
import type { Connection } from '../database/store.ts';
import { listTasks, stateOfTask } from '../database/task-states.ts';
import { findTask } from '../database/tasks.ts';
import { findUser } from '../database/users.ts';
import type { Parts, Some, User } from '../parts.ts';
import { ownTask, visibleTask } from '../task-access.ts';

export function taskStateRoutes({ store, clock, log }: Parts) {
  return {
    listTasks: ({ query, user }) =>
      store.read(async (db) => {
        const { state, image, since, before, cursor, most } = query;
        const owner = await ownerAsked(db, query.user, user);
        const wanted = { owner, state, image, since: momentOf(since), before: momentOf(before) };
        return listTasks(db, wanted, { cursor, most });
      }),
    taskState: ({ params: { id }, user }) =>
      store.read(async (db) => {
        const { number } = visibleTask(await findTask(db, id), id, user);
        return { task: await stateOfTask(db, number) };
      }),
    async cancelTask({ params: { id }, user }) {
      const { task, isNew } = await store.write(async (db) => {
        const row = ownTask(await findTask(db, id), id, user, 'task.delete_task');
        const isOver = FINAL_STATES.includes(row.state);
        // Cancelling twice is what happens when the first answer was lost.
        if (isOver && row.state !== 'cancelled') throw new GridError('already-ended', `Task ${id} is ${row.state}.`);
        if (!isOver) await cancelTask(db, row, { now: clock.now(), why: `cancelled by ${user.name}` });
        return { task: await stateOfTask(db, row.number), isNew: !isOver };
      });
      if (isNew) log.say('task cancelled', { task: id, user: user.name });
      return { task };
    },
    async deleteTask({ params: { id }, user }) {
      await store.write(async (db) => {
        const row = ownTask(await findTask(db, id), id, user, 'task.delete_task');
        await removeTask(db, row, { now: clock.now(), why: `deleted by ${user.name}` });
      });
      log.say('task deleted', { task: id, user: user.name });
      return { deleted: true } as const;
    },
  } satisfies Some<'listTasks' | 'taskState' | 'cancelTask' | 'deleteTask'>;
}

/** Whose tasks are asked for; undefined is everybody's. @throws GridError `not-permitted`, `not-found` */
async function ownerAsked(db: Connection, name: string | undefined, user: User): Promise<number | undefined> {
  if (name === user.name) return user.id;
  const maySeeAll = user.permissions.has('task.view_task');
  if (name === undefined) return maySeeAll ? undefined : user.id;
  if (!maySeeAll) throw new GridError('not-permitted', 'Tasks of other users take the permission task.view_task.');
  const asked = await findUser(db, name);
  if (asked === undefined) throw new GridError('not-found', `There is no user ${name}.`, { field: 'user' });
  return asked.id;
}

function momentOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
