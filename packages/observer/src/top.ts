/** `kolejka-observer top`: sessions and tasks of this node, again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError, parseDuration, printListing } from '@kolejka/protocol';
import { type Observer, openObserver } from './client.ts';
import { openScreen } from './top/screen.ts';
import { type Sample, usageOf } from './top/usage.ts';
import { printUsage } from './top/view.ts';

export interface TopFlags {
  json?: true;
  interval?: string;
}

/** What is seen at once is the use of so long. */
const FIRST_MS = 500;
const LEAST_MS = 100;
const MOST_MS = 3_600_000;

/** Shows a table until `q` or Ctrl-C; in a pipe one table, with `--json` one document. */
export async function showTop(socket: string, { json, interval = '2s' }: TopFlags): Promise<void> {
  const pause = parseDuration(interval, '--interval');
  if (pause < LEAST_MS || pause > MOST_MS) {
    throw new GridError('bad-value', '--interval: from "100ms" to "1H"', { field: '--interval' });
  }
  const observer = openObserver(socket);
  try {
    const first = await sample(observer);
    await sleep(FIRST_MS);
    if (json === true) process.stdout.write(`${JSON.stringify(withPercent(first, await sample(observer)))}\n`);
    else if (process.stdout.isTTY && process.stdin.isTTY) await watch(observer, first, pause);
    else process.stdout.write(printUsage(usageOf(first, await sample(observer))).join('\n') + '\n');
  } finally {
    observer.end();
  }
}

async function sample(observer: Observer): Promise<Sample> {
  const listing = await observer.list();
  return { listing, at: performance.now() };
}

/** As the observer tells it, and beside it the CPU time used meanwhile, in percent of one CPU. */
function withPercent(before: Sample, now: Sample): object {
  const percents = new Map(usageOf(before, now).map(({ group, cpuPercent }) => [group, cpuPercent]));
  const printed = printListing(now.listing) as Record<'sessions' | 'tasks', { group: string }[]>;
  const add = (each: { group: string }) => ({ ...each, cpu_percent: percents.get(each.group) });
  return { sessions: printed.sessions.map(add), tasks: printed.tasks.map(add) };
}

async function watch(observer: Observer, first: Sample, pause: number): Promise<void> {
  const screen = openScreen();
  try {
    for (let before = first; !screen.left.aborted; ) {
      const now = await sample(observer);
      const rows = usageOf(before, now);
      screen.draw((columns, lines) => printUsage(rows, { columns, lines, hint: 'q ends' }));
      before = now;
      await sleep(pause, undefined, { signal: screen.left }).catch(() => undefined);
    }
  } finally {
    screen.close();
  }
}
