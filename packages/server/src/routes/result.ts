/**
 * Handing in and reading results. A task may start more than once, its result is accepted once.
 *
 * Who may hand in: the user whose foreman has the task. `attempt` is the fence: it must be the task's newest, and so a
 * foreman that lost its lease is refused as soon as another one has taken the task. As long as nobody has, its result
 * is accepted though it is late: the work is done, doing it again would help nobody.
 */
import { GridError, type Permission, printReferences, printResult, type Result, type TaskId } from '@kolejka/protocol';
import { storyOf } from '../database/events.ts';
import type { Connection } from '../database/store.ts';
import { changeOwner, claimFiles } from '../database/references.ts';
import { removeResult, wasRemoved } from '../database/removal.ts';
import { bodyOfResult, findResult, insertResult, type ResultRow } from '../database/results.ts';
import { findTask, moveTask, type TaskRow } from '../database/tasks.ts';
import type { Asked, Parts, Some, User } from '../parts.ts';
import { requireFiles } from './task.ts';

export function resultRoutes({ store, clock, log }: Parts) {
  const getResult = ({ params: { id }, user }: Asked<'getResult'>) =>
    store.read(async (db) => ({ result: await readResult(db, id, user) }));

  return {
    async putResult({ body: { attempt, result }, user }) {
      const { row, isNew } = await store.write((db) => acceptResult(db, { attempt, result, user, now: clock.now() }));
      const { id, reason, result: exit } = bodyOfResult(row);
      if (isNew) log.say('task resolved', { task: id, attempt: row.attempt, result: exit, reason });
      return { result: bodyOfResult(row) };
    },
    getResult,
    showResult: getResult,
    async deleteResult({ params: { id }, user }) {
      await store.write(async (db) => {
        const { number } = await taskOf(db, id, user, 'task.delete_result');
        if (!(await removeResult(db, number, clock.now())))
          throw new GridError('not-found', `Task ${id} has no result.`);
      });
      log.say('result deleted', { task: id, user: user.name });
      return { deleted: true } as const;
    },
  } satisfies Some<'putResult' | 'getResult' | 'showResult' | 'deleteResult'>;
}

interface HandedIn {
  attempt: number | undefined;
  result: Result;
  user: User;
  now: number;
}

async function acceptResult(db: Connection, handedIn: HandedIn): Promise<{ row: ResultRow; isNew: boolean }> {
  const { result, user, now } = handedIn;
  const task = result.id === undefined ? undefined : await findTask(db, result.id);
  if (task === undefined || result.id === undefined) throw await noTask(db, result.id);
  const body = JSON.stringify(printResult({ ...result, files: printReferences(result.files) }));
  const accepted = await findResult(db, task.number);
  if (accepted !== undefined) return { row: requireSame(accepted, body, handedIn), isNew: false };

  const attempt = requireLease(task, handedIn);
  const files = await requireFiles(db, result.files, ({ owner }, name) => {
    if (owner === user.id) return true;
    throw new GridError('reference-of-another', `Reference for file ${name} belongs to a different user`, {
      field: `files.${name}`,
    });
  });
  const change = { expires_ms: null, running: 0 } as const;
  const message = result.reason === undefined ? {} : { message: `ended: ${result.reason}` };
  await moveTask(db, task, 'resolved', change, { now, ...message });
  const row = { task: task.number, attempt, holder: user.id, body };
  await insertResult(db, row, now);
  await claimFiles(db, task.number, 'result', files);
  for (const [, key] of files) await changeOwner(db, key, task.owner);
  return { row, isNew: true };
}

/** The same result again is answered as it was the first time: the first answer may have been lost on its way. */
function requireSame(accepted: ResultRow, body: string, { attempt, user }: HandedIn): ResultRow {
  if (accepted.holder !== user.id) {
    if (attempt !== undefined && attempt !== accepted.attempt) throw stale('its result was handed in by another');
    throw notYours();
  }
  if (accepted.body === body && (attempt === undefined || attempt === accepted.attempt)) return accepted;
  throw new GridError('already-resolved', 'Another result of this task was accepted before.');
}

/** The attempt under which the user may hand in the result of the task; with task.add_result in place of its holder. */
function requireLease(task: TaskRow, { attempt, user }: HandedIn): number {
  // Attempts only grow, so an older one was real once: that foreman must drop the task.
  if (attempt !== undefined && attempt < task.attempt) throw stale('another foreman has taken it since');
  const isHolder = task.holder === user.id;
  if (!isHolder && !user.permissions.has('task.add_result')) throw notYours();
  if (task.state !== 'assigned' && task.state !== 'pending') throw stale(`it is ${task.state}`);
  if (attempt === undefined) {
    if (isHolder && task.foreman !== null) throw stale('it was taken under a lease, and no attempt was sent');
  } else if (attempt !== task.attempt) throw notYours();
  return task.attempt;
}

async function readResult(db: Connection, id: string, user: User): Promise<Record<string, unknown>> {
  const task = await taskOf(db, id, user, 'task.view_result');
  const result = await findResult(db, task.number);
  if (result !== undefined) return bodyOfResult(result);
  // With 404 a client of the original would wait for ever.
  if (task.state === 'failed') throw new GridError('task-failed', `Task ${id} failed. ${await lastSentence(db, task)}`);
  if (task.state === 'cancelled')
    throw new GridError('task-cancelled', `Task ${id} was cancelled. ${await lastSentence(db, task)}`);
  throw new GridError('not-found', `Task ${id} has no result yet.`);
}

/** The task whose result is asked for, where the user may. */
async function taskOf(db: Connection, id: string, user: User, permission: Permission): Promise<TaskRow> {
  const task = await findTask(db, id);
  if (task === undefined) throw new GridError('task-unknown', `Task ${id} is unknown`);
  if (task.owner === user.id || user.permissions.has(permission)) return task;
  throw new GridError('not-permitted', 'This task is of another user.');
}

async function lastSentence(db: Connection, task: TaskRow): Promise<string> {
  return (await storyOf(db, task.number)).at(-1) ?? '';
}

/** As in the original, a task that never was is not told from one that others have; one that was removed is. */
async function noTask(db: Connection, id: TaskId | undefined): Promise<GridError> {
  if (id === undefined || !(await wasRemoved(db, id))) return notYours();
  return new GridError('not-found', `Task ${id} was deleted.`);
}

function notYours(): GridError {
  return new GridError('not-permitted', 'You do not have this task.');
}

function stale(why: string): GridError {
  return new GridError('stale-lease', `This task is no longer yours: ${why}.`);
}
