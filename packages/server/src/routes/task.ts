/** Putting and reading tasks. */
import { hash, randomUUID } from 'node:crypto';
import { type Files, GridError, type ReferenceKey, type Task, type TaskId } from '@kolejka/protocol';
import type { Request } from 'express';
import { requireCallback } from '../callbacks/hosts.ts';
import { ceilingsIn, underCeilings } from '../ceilings.ts';
import { findByKey, rememberKey } from '../database/idempotency.ts';
import type { Connection } from '../database/store.ts';
import { claimFiles, findReference, type ReferenceRow } from '../database/references.ts';
import { bodyOfTask, findTask, insertTask, type TaskRow } from '../database/tasks.ts';
import type { Asked, Parts, Some, User } from '../parts.ts';
import { visibleTask } from '../task-access.ts';
import { requirePendingRoom } from '../users/quota-pending.ts';

export function taskRoutes(parts: Parts) {
  const { store, clock, log, images, settings } = parts;
  const ceilings = ceilingsIn(settings);
  const getTask = ({ params: { id }, user }: Asked<'getTask'>) =>
    store.read(async (db) => ({ task: await bodyOfTask(db, visibleTask(await findTask(db, id), id, user)) }));

  return {
    async putTask({ body, user, request, signal }) {
      const key = idempotencyKey(request);
      const fingerprint = hash('sha256', JSON.stringify(body));
      const findMade = async (db: Connection) =>
        key === undefined ? undefined : findByKey(db, user.id, key, fingerprint);
      // A request that is repeated must not fail because the registry is away by now.
      const before = images.isSlow ? await store.read(findMade) : undefined;
      if (before !== undefined) return { task: await store.read((db) => bodyOfTask(db, before)) };
      requirePriority(body, user);
      requireCallback(body.callback_url, settings.allowed_callback_hosts);
      const asked = { ...body, limits: underCeilings(body.limits, ceilings) };
      const task = await images.admit(asked, user.id, () => store.read((db) => filesOf(db, asked, user)));
      // Who went away meanwhile does not know of the task, and puts another one.
      if (signal.aborted) throw new GridError('bad-body', 'The caller went away before its image was there.');
      const { id, json } = await store.write(async (db) => {
        const made = await findMade(db);
        if (made !== undefined) return { id: undefined, json: await bodyOfTask(db, made) };
        await requirePendingRoom(db, user, settings.quota_pending);
        const put = await putTask(db, task, user, clock.now());
        if (key !== undefined)
          await rememberKey(db, { user: user.id, key, task: put.number, request: fingerprint }, clock.now());
        return { id: put.id, json: await bodyOfTask(db, put) };
      });
      if (id !== undefined) log.say('task put', { task: id, user: user.name });
      return { task: json };
    },
    getTask,
    showTask: getTask,
  } satisfies Some<'putTask' | 'getTask' | 'showTask'>;
}

/** Everybody may go behind others; to go before them takes a permission. */
function requirePriority({ priority }: Task, user: User): void {
  if (priority <= 0 || user.permissions.has('task.raise_priority')) return;
  throw new GridError('not-permitted', 'A priority above 0 takes the permission task.raise_priority.', {
    field: 'priority',
  });
}

async function putTask(db: Connection, task: Task, user: User, now: number): Promise<TaskRow> {
  const files = await filesOf(db, task, user);
  const id = randomUUID().replaceAll('-', '') as TaskId;
  const row = await insertTask(db, { id, owner: user.id, task, now });
  await claimFiles(db, row.number, 'task', files);
  return row;
}

function filesOf(db: Connection, task: Task, user: User): Promise<[string, ReferenceKey][]> {
  return requireFiles(db, task.files, (reference) => mayUse(reference, user));
}

/** To those who may not use a reference it is unknown, as in the original. */
function mayUse(reference: ReferenceRow, user: User): boolean {
  return reference.owner === user.id || user.permissions.has('blob.view_reference');
}

/**
 * Names and references of all files.
 * @throws GridError `file-without-reference`, `reference-unknown`, in the original's words
 */
export async function requireFiles(
  db: Connection,
  files: Files,
  usable: (reference: ReferenceRow, name: string) => boolean,
): Promise<[string, ReferenceKey][]> {
  const found: [string, ReferenceKey][] = [];
  for (const [name, { reference: key }] of Object.entries(files)) {
    const field = `files.${name}`;
    if (key === undefined)
      throw new GridError('file-without-reference', `File ${name} does not have a reference`, { field });
    const reference = await findReference(db, key);
    if (reference === undefined || reference.deleted_ms !== null || !usable(reference, name)) {
      throw new GridError('reference-unknown', `Reference for file ${name} is unknown`, { field });
    }
    found.push([name, key]);
  }
  return found;
}

function idempotencyKey(request: Request): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined) return undefined;
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new GridError('bad-value', 'Idempotency-Key: expected 1 to 200 visible characters', {
    field: 'Idempotency-Key',
  });
}
