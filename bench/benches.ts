/** All benches by name. Each loads what it needs only when it runs. */
import type { Bench } from './bench.ts';

export const BENCHES: Readonly<Record<string, Bench>> = {
  server: {
    about: 'put, dequeue, result and get per second, and whole lives of tasks',
    measure: async (effort) => (await import('./server.ts')).measureServer(effort),
  },
  queue: {
    about: 'dequeue with up to a million pending tasks, and a restart',
    measure: async (effort) => (await import('./queue.ts')).measureQueue(effort),
  },
  blobs: {
    about: 'blobs up and down, and what memory that takes',
    measure: async (effort) => (await import('./blobs.ts')).measureBlobs(effort),
  },
  worker: {
    about: 'a run of a task over docker run, and large files over cp',
    measure: async (effort) => (await import('./worker.ts')).measureWorker(effort),
  },
  observer: {
    about: 'sessions: their cycle, what they add to a program, and the memory of a thousand',
    measure: async (effort) => (await import('./observer.ts')).measureObserver(effort),
  },
  grid: {
    about: 'tasks through server and foreman over docker run, their start, and an idle foreman',
    measure: async (effort) => (await import('./grid.ts')).measureGrid(effort),
  },
};
