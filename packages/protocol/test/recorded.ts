/** Bodies that the original's own client and foreman exchanged with the original's server. */
import { readFileSync } from 'node:fs';

interface Exchange {
  sent: Record<string, unknown>;
  answered: Record<string, Record<string, unknown>>;
}

/** What was sent and answered, as recorded: key order kept. */
export function recorded(name: 'put-task' | 'put-result' | 'put-reference' | 'dequeue'): Exchange {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8')) as Exchange;
}
