/** The part of the load that reads the stream of all events, and goes on where it was when the server was killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskEvent } from '@kolejka/protocol';
import type { Worker } from './uploads.ts';

/** Writes down every event that is told, until the load is over. */
export async function readEvents({ line, told, token }: Omit<Worker, 'random'>): Promise<void> {
  let last = 0;
  while (!line.over.aborted) {
    const url = await line.url();
    try {
      const response = await fetch(`${url}/task/events/?after=${last}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: line.over,
      });
      if (response.status !== 200) told.wrong.push(`the stream of events is answered with ${response.status}`);
      for await (const event of eventsIn(response.body as ReadableStream<Uint8Array>)) {
        if (event.number <= last) told.wrong.push(`event ${event.number} was told after ${last}`);
        last = event.number;
        told.events.set(last, event);
      }
    } catch {
      // The server was killed, or the load is over.
      await sleep(5);
    }
  }
}

async function* eventsIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<TaskEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as TaskEvent;
    }
  }
}
