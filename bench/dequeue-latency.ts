/** How long a foreman waits for one task, request by request, while the depth of the queue stays what it is. */
import { type Connection, openConnection } from './connection.ts';
import { OFFER, resultOf } from './tasks.ts';
import type { TestedServer } from './tested-server.ts';

export interface Dequeuer {
  /** Takes one task and answers how many milliseconds the dequeue took. A task like it is put in its place. */
  dequeue(): Promise<number>;
  close(): Promise<void>;
}

export function openDequeuer({ url, tokens }: TestedServer): Dequeuer {
  const foreman = openConnection(url, tokens.foreman);
  const client = openConnection(url, tokens.client);
  return {
    async dequeue() {
      const started = performance.now();
      const answer = await foreman.ask('POST', '/queue/dequeue/', OFFER);
      const took = performance.now() - started;
      await replace(answer, foreman, client);
      return took;
    },
    async close() {
      await foreman.close();
      await client.close();
    },
  };
}

/** Ends the task and puts one of the same class, so that as many wait as before. */
async function replace(answer: Record<string, unknown>, foreman: Connection, client: Connection): Promise<void> {
  const [task] = answer['tasks'] as { id: string }[];
  const [lease] = answer['leases'] as { attempt: number }[];
  if (task === undefined || lease === undefined) throw new Error('a dequeue found no task where many fit');
  await foreman.ask('POST', '/task/result/', resultOf(task.id, lease.attempt));
  const { id: _, ...same } = task;
  await client.ask('POST', '/task/task/', same);
}

/**
 * Measures several servers request by request in turn, so that whatever else goes on meets all of them alike.
 * @returns for each, how many milliseconds each dequeue took
 */
export async function measureInTurn<Name extends string>(
  dequeuers: ReadonlyMap<Name, Dequeuer>,
  times: number,
): Promise<Map<Name, number[]>> {
  const took = new Map(Array.from(dequeuers.keys(), (name) => [name, [] as number[]]));
  for (let time = 0; time < times; time += 1) {
    for (const [name, dequeuer] of dequeuers) took.get(name)?.push(await dequeuer.dequeue());
  }
  return took;
}
