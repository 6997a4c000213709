/** The part of the load that puts tasks, cancels and deletes them, and looks whether they and their results are there. */
import type { Reference, TaskId } from '@kolejka/protocol';
import type { Reply } from './line.ts';
import { uploadInPieces } from './pieces.ts';
import { giveUp, link, readBack, upload, uploadAndDelete, type Worker } from './uploads.ts';

/** A client at work until the load is over. */
export async function workAsClient(worker: Worker): Promise<void> {
  const uploaded: Reference[] = [];
  const mine: TaskId[] = [];
  const acts: [number, () => Promise<unknown>][] = [
    [4, async () => keep(uploaded, await upload(worker))],
    [1, () => link(worker)],
    [0.7, () => uploadInPieces(worker)],
    [6, async () => keep(mine, await put(worker, files(worker, uploaded)))],
    [0.4, () => cancel(worker, mine)],
    [0.4, () => remove(worker, mine)],
    [0.2, () => removeResult(worker, mine)],
    [0.5, () => giveUp(worker, uploaded)],
    [1, () => readBack(worker)],
    [2, () => readTask(worker, mine)],
  ];
  await repeat(worker, acts);
}

/** One who may delete what others have; it deletes what it has brought itself. */
export async function workAsManager(worker: Worker): Promise<void> {
  await repeat(worker, [[1, () => uploadAndDelete(worker)]]);
}

async function repeat({ random, line }: Worker, acts: readonly (readonly [number, () => Promise<unknown>])[]) {
  const sum = acts.reduce((all, [weight]) => all + weight, 0);
  while (!line.over.aborted) {
    let drawn = random.next() * sum;
    const act = acts.find(([weight]) => (drawn -= weight) < 0) ?? acts[0];
    await act?.[1]();
  }
}

function keep<Item>(list: Item[], item: Item | undefined): void {
  if (item !== undefined) list.push(item);
  // The newest are the ones that a kill can hurt.
  if (list.length > 200) list.shift();
}

function files({ random, told }: Worker, uploaded: readonly Reference[]): Record<string, { reference: string }> {
  const chosen = Array.from({ length: random.whole(3) }, () => random.pick(uploaded));
  const there = chosen.filter((one) => one !== undefined && told.references.has(one.key)) as Reference[];
  return Object.fromEntries(there.map(({ key }, index) => [`file ${index}`, { reference: key }]));
}

/** Puts a task, half of them under a key: sent again until it is answered, and now and then twice at once. */
async function put(
  { line, told, random, token }: Worker,
  given: ReturnType<typeof files>,
): Promise<TaskId | undefined> {
  const json = {
    image: random.pick(['busybox', 'gcc', 'python']),
    args: [random.name()],
    files: given,
    priority: -random.whole(2),
    ...(random.chance(0.3) && { requires: ['gpu'] }),
    ...(random.chance(0.5) && { limits: { memory: `${1 + random.whole(2)}G`, cpus: 1 + random.whole(2) } }),
  };
  const key = random.chance(0.5) ? random.name() : undefined;
  const asked = { token, json, headers: key === undefined ? {} : { 'idempotency-key': key } };
  if (key === undefined) return noteTask(told, await line.ask('/task/task/', asked), key);
  const times = random.chance(0.3) ? 2 : 1;
  const replies = await Promise.all(Array.from({ length: times }, () => line.insist('/task/task/', asked)));
  return replies.map((reply) => noteTask(told, reply, key)).at(-1);
}

function noteTask(told: Worker['told'], reply: Reply | undefined, key: string | undefined): TaskId | undefined {
  if (reply === undefined) return undefined;
  const { task } = reply.json as { task?: { id: TaskId } };
  if (reply.status !== 200 || task === undefined) {
    // A file of it may have been given up by another act of the same client.
    const { code } = reply.json as { code?: string };
    if (code !== 'reference-unknown') told.wrong.push(`a put was answered with ${reply.said}`);
    return undefined;
  }
  const made = key === undefined ? undefined : told.keys.get(key);
  if (made !== undefined && made !== task.id) told.wrong.push(`the key ${key} has made ${made} and ${task.id}`);
  if (key !== undefined) told.keys.set(key, task.id);
  told.tasks.set(task.id, JSON.stringify(task));
  return task.id;
}

async function cancel({ line, told, random, token }: Worker, mine: readonly TaskId[]): Promise<void> {
  const id = random.pick(mine);
  if (id === undefined || told.gone.tasks.has(id)) return;
  told.doubtful.add(id);
  const reply = await line.insist(`/task/cancel/${id}/`, { token, method: 'POST' });
  if (reply.status === 200) told.cancelled.add(id);
  else if (reply.json['code'] !== 'already-ended') told.wrong.push(`cancelling ${id}: ${reply.said}`);
}

async function remove({ line, told, random, token }: Worker, mine: readonly TaskId[]): Promise<void> {
  const id = random.pick(mine);
  if (id === undefined || !told.tasks.delete(id)) return;
  told.doubtful.add(id);
  const reply = await line.insist(`/task/task/${id}/`, { token, method: 'DELETE' });
  if (reply.status !== 200 && reply.status !== 404) told.wrong.push(`deleting ${id}: ${reply.said}`);
  told.gone.tasks.add(id);
}

async function removeResult({ line, told, random, token }: Worker, mine: readonly TaskId[]): Promise<void> {
  const id = random.pick(mine.filter((one) => told.results.has(one) && !told.doubtful.has(one)));
  if (id === undefined) return;
  told.doubtful.add(id);
  const reply = await line.insist(`/task/result/${id}/`, { token, method: 'DELETE' });
  if (reply.status !== 200 && reply.status !== 404) told.wrong.push(`deleting the result of ${id}: ${reply.said}`);
  told.gone.results.add(id);
}

/** Reads an acknowledged task back, and its result when that was acknowledged too. */
async function readTask({ line, told, random, token }: Worker, mine: readonly TaskId[]): Promise<void> {
  const id = random.pick(mine);
  if (id === undefined) return;
  const [task, result] = [told.tasks.get(id), told.results.get(id)];
  const isSure = () => !told.doubtful.has(id);
  const shown = await line.insist(`/task/task/${id}/`, { token });
  if (isSure() && JSON.stringify(shown.json['task']) !== task) told.wrong.push(`task ${id} reads ${shown.said}`);
  if (result === undefined) return;
  const found = await line.insist(`/task/result/${id}/`, { token });
  if (isSure() && JSON.stringify(found.json['result']) !== result.body) {
    told.wrong.push(`the result of ${id} reads ${found.said}`);
  }
}
