/** The tasks of a drill: each computes something of its input, and what is right is known beforehand. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@kolejka/client';
import { realClock } from '@kolejka/program';
import { TASK_FILE } from '@kolejka/protocol';
import { persist } from '../../packages/foreman/src/persist.ts';
import { openRandom } from '../simulation/random.ts';

/** Tasks that are put and have not ended; enough that no foreman is ever idle. */
const BACKLOG = 40;
const LOOK_AGAIN_MS = 100;

/** Tasks by their identifiers, with what each must come to. */
export type Answers = ReadonlyMap<string, string>;

export interface Putting {
  client: Client;
  /** For the directories of the tasks. */
  directory: string;
  seed: number;
  /** Keep putting until this many are there, and the time is over. */
  least: number;
  over: AbortSignal;
  signal: AbortSignal;
}

/** Puts tasks as others end, through whatever happens to the way to the server. */
export async function putTasks(putting: Putting): Promise<Answers> {
  const { client, seed, least, over, signal } = putting;
  const random = openRandom(seed);
  const answers = new Map<string, string>();
  while (!over.aborted || answers.size < least) {
    const room = BACKLOG - (await insist(() => countOpen(client), signal));
    const batch = Array.from({ length: Math.max(0, room) }, (_, more) => ({
      number: answers.size + more,
      input: `${seed} ${answers.size + more} ${random.next()}\n`,
      seconds: random.between(0.05, 0.5),
    }));
    for (const [id, answer] of await Promise.all(batch.map((planned) => putTask(putting, planned)))) {
      answers.set(id, answer);
    }
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
  return answers;
}

async function putTask(
  { client, directory, signal }: Putting,
  { number, input, seconds }: { number: number; input: string; seconds: number },
): Promise<[id: string, answer: string]> {
  const { key } = await insist(() => client.putBlob(Buffer.from(input), { signal }), signal);
  const task = {
    image: 'busybox:stable',
    args: ['sh', '-c', `sleep ${seconds.toFixed(2)}; sha256sum < input`],
    stdout: 'out',
    limits: { cpus: 1, memory: '32M', pids: 16, time: '60s' },
    files: { input: { reference: key } },
  };
  const place = path.join(directory, String(number));
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, TASK_FILE), JSON.stringify(task));
  // The answer may get lost: asked again under the same key, the server makes no second task.
  const idempotencyKey = randomUUID();
  const { id } = await insist(() => client.putTask(place, { idempotencyKey, signal }), signal);
  return [id, createHash('sha256').update(input).digest('hex')];
}

const OPEN = ['waiting', 'pending', 'assigned'] as const;

/** How many tasks have not ended. */
export async function countOpen(client: Client): Promise<number> {
  let count = 0;
  for (const state of OPEN) count += (await Array.fromAsync(client.listTasks({ state }))).length;
  return count;
}

/** Asks until the server answers. */
export async function insist<Answer>(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return await persist(ask, { signal, clock: realClock, unanswered: () => undefined });
}
