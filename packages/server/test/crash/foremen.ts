/** The part of the load that runs tasks: takes them under leases, renews, hands in results, hands some back. */
import type { Lease } from '@kolejka/protocol';
import { upload, type Worker } from './uploads.ts';

/** A foreman at work until the load is over. */
export async function workAsForeman(worker: Worker, foreman: string): Promise<void> {
  const { line, told, random, token } = worker;
  while (!line.over.aborted) {
    const offer = {
      concurency: 1 + random.whole(4),
      limits: { memory: '64G' },
      tags: random.chance(0.5) ? ['gpu'] : [],
    };
    // Once: whoever asks again may be given more. What was given and not heard of runs out one day.
    const reply = await line.ask('/queue/dequeue/', { token, json: { ...offer, foreman, wait: 0.2 } });
    if (reply === undefined) continue;
    if (reply.status !== 200) told.wrong.push(`a dequeue was answered with ${reply.said}`);
    const leases = (reply.json['leases'] ?? []) as Lease[];
    for (const { task, attempt } of leases) told.given.push({ task, attempt, foreman });
    for (const lease of leases) await runLeased(worker, foreman, lease);
  }
}

async function runLeased(worker: Worker, foreman: string, { task, attempt }: Lease): Promise<void> {
  const { line, told, random, token } = worker;
  // One in fifty is never heard of again.
  if (random.chance(0.02)) return;
  const heartbeat = (phase: string) =>
    line.insist('/queue/heartbeat/', { token, json: { foreman, tasks: [{ task, attempt, phase }] } });
  if (random.chance(0.05)) return void (await heartbeat('returned'));
  if (random.chance(0.3)) await heartbeat('running');

  const files: Record<string, { reference: string }> = {};
  for (let index = random.whole(3); index > 0; index -= 1) {
    const made = await upload(worker);
    if (made !== undefined) files[`out ${index}`] = { reference: made.key };
  }
  const result = {
    id: task,
    result: random.whole(3),
    reason: 'exit',
    stats: { time: '1s' },
    stdout: random.name(),
    files,
  };
  const json = { attempt, ...result };
  const reply = await line.insist('/task/result/', { token, json });
  if (reply.status !== 200) {
    told.refused.push({ task, attempt, foreman, answer: reply.said });
    return;
  }
  const body = JSON.stringify(reply.json['result']);
  if (told.results.has(task)) told.wrong.push(`a second result of ${task} was accepted`);
  told.results.set(task, { attempt, body });
  if (random.chance(0.1)) await handInAgain(worker, json, body);
}

/** The same again is answered the same; another one is refused. */
async function handInAgain({ line, told, token }: Worker, json: { id: Lease['task'] }, body: string): Promise<void> {
  const same = await line.insist('/task/result/', { token, json });
  const other = await line.insist('/task/result/', { token, json: { ...json, result: 77 } });
  if (told.doubtful.has(json.id)) return;
  if (JSON.stringify(same.json['result']) !== body) told.wrong.push(`the same result again: ${same.said}`);
  if (other.status !== 409) told.wrong.push(`another result of the same task: ${other.said}`);
}
