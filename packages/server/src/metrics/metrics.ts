/**
 * What Prometheus reads at /metrics: the names are documented in docs/operate/server.md.
 *
 * Labels are names of our tables (routes, states, messages), never what a caller sent: so their number is bounded.
 */
import type { Log } from '@kolejka/program';
import type { Watcher } from '@kolejka/program/serve';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { MESSAGES } from '../messages.ts';
import type { User } from '../parts.ts';
import { gaugesOfQueue, type Queue } from './queue.ts';
import { watchRequests } from './requests.ts';

export interface Metrics {
  /** Sees every request. */
  watcher: Watcher<User>;
  /** A commit to the database, shared by so many writes. */
  committed: (writes: number) => void;
  /** The log that counts what is said in it: each message is a thing that happened. */
  counting: (log: Log<typeof MESSAGES>) => Log<typeof MESSAGES>;
  /** Shows the queue from now on. */
  showQueue: (queue: Queue) => void;
  print: () => Promise<{ type: string; text: string }>;
}

/** Metrics of one server. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const commits = new Histogram({
    name: 'kolejka_commit_writes',
    help: 'Writes that shared one commit to the database.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const said = new Counter({
    name: 'kolejka_messages_total',
    help: 'How often the server said something in its log, by the message, whatever the level of the log.',
    labelNames: ['message', 'level'],
    registers,
  });
  // From the start: an alert on a rate would miss the first of a counter that comes with it.
  for (const [message, { level }] of Object.entries(MESSAGES)) said.inc({ message, level }, 0);

  return {
    watcher: watchRequests(registry),
    committed: (writes) => commits.observe(writes),
    counting: (log) => ({
      say(message, fields) {
        said.inc({ message, level: MESSAGES[message].level });
        log.say(message, fields);
      },
    }),
    showQueue: (queue) => gaugesOfQueue(registry, queue),
    print: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
