/** All benches by name. Each loads what it needs only when it runs. */
import type { Bench } from './bench.ts';

export const BENCHES: Readonly<Record<string, Bench>> = {
  server: {
    about: 'put, dequeue, result and get per second, and whole lives of tasks',
    measure: async (effort) => (await import('./server.ts')).measureServer(effort),
  },
};
