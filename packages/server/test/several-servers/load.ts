/** Clients and foremen that are at work with any of the servers, and write down what they were told. */
import { randomUUID } from 'node:crypto';
import type { Servers } from './servers.ts';

/** A task that a foreman was given. */
export interface Given {
  task: string;
  attempt: number;
  foreman: string;
}

/** What was acknowledged. */
export interface Told {
  /** Identifiers of tasks, by the idempotency key they were put under. */
  tasks: Map<string, string>;
  /** Texts of blobs, by reference. */
  texts: Map<string, string>;
  given: Given[];
  /** The attempt whose result was accepted, by task. */
  resolved: Map<string, number>;
}

export async function putTasks(servers: Servers, told: Told, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const key = randomUUID();
    const uploaded = await servers.askUntilAnswered('/blob/reference/', { body: `file of ${key}` });
    const { key: reference } = uploaded.json['reference'] as { key: string };
    told.texts.set(reference, `file of ${key}`);
    const { json } = await servers.askUntilAnswered('/task/task/', {
      json: { image: 'x', files: { file: { reference } } },
      headers: { 'idempotency-key': key },
    });
    told.tasks.set(key, (json['task'] as { id: string }).id);
  }
}

export async function runTasks(servers: Servers, foreman: string, told: Told, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Once: whoever asks again may be given more.
    const answer = await servers
      .ask(servers.any().url, '/queue/dequeue/', { json: { foreman, concurency: 3, wait: 1 } })
      .catch(() => undefined);
    for (const lease of (answer?.json['leases'] ?? []) as Given[]) {
      const { task, attempt } = lease;
      told.given.push({ task, attempt, foreman });
      const { status } = await servers.askUntilAnswered('/task/result/', {
        json: { id: task, attempt, result: 0, stdout: `attempt ${attempt}` },
      });
      if (status === 200) told.resolved.set(task, attempt);
    }
  }
}

/** Reads the stream of all events, at one server after the other, and adds the numbers it was told. */
export async function readEvents(servers: Servers, numbers: number[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`${servers.any().url}/task/events/`, {
        headers: { ...servers.authorization, 'last-event-id': `${numbers.at(-1) ?? 0}` },
        signal,
      });
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body as ReadableStream<Uint8Array>) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
        // What has not come whole is told again, by another server.
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const number = /^id: (\d+)$/m.exec(block)?.[1];
          if (number !== undefined) numbers.push(Number(number));
        }
      }
    } catch {
      // The server was killed, or we are done.
    }
  }
}
