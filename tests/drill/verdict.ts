/** What came of a drill: of each task, and of each foreman that was late. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@kolejka/client';
import { LEASES } from '@kolejka/protocol';
import { openStore } from '../../packages/server/src/database/open.ts';
import { readRecords, type TaskRecord } from '../simulation/check.ts';
import { type Answers, insist } from './tasks.ts';

/** What tasks came to, as their users see it; those that have no result are not in it. */
export async function readAnswers(
  client: Client,
  { tasks, directory, signal }: { tasks: Iterable<string>; directory: string; signal: AbortSignal },
): Promise<Answers> {
  const found = new Map<string, string>();
  for (const task of tasks) {
    const place = path.join(directory, task);
    const { json } = await insist(() => client.getResult(task, place, { signal }), signal);
    const out = await readFile(path.join(place, 'out'), 'utf8').catch(() => undefined);
    // One that did not run says why.
    found.set(task, out?.split(' ')[0] ?? JSON.stringify(json));
  }
  return found;
}

/** Tasks as the database has them when the server has ended. */
export async function readTasks(database: string): Promise<TaskRecord[]> {
  const store = await openStore(database);
  try {
    return await readRecords(store);
  } finally {
    await store.close();
  }
}

/** A line of a foreman's log. */
export interface Line {
  msg: string;
  task?: string;
  attempt?: number;
  code?: string;
}

/** The line that a foreman wrote when it was killed may be half. */
export async function readLines(files: readonly string[]): Promise<Line[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.flatMap((text) => text.split('\n').flatMap((line) => parseLine(line)));
}

function parseLine(line: string): Line[] {
  try {
    return [JSON.parse(line) as Line];
  } catch {
    return [];
  }
}

export interface Verdict {
  /** No result, though they were not given up after as many losses as it takes. */
  lost: number;
  /** More than one result was accepted. */
  doubled: number;
  /** The result is not what the task must come to. */
  wrong: number;
  /** Failed after their losses, with the story. */
  given_up: number;
  /** Attempts that the server took away. */
  losses: number;
  /** Results that were refused, for another foreman had the task by then. */
  stale_refused: number;
  /** Tasks that a foreman dropped, for the server told it so. */
  dropped: number;
  /** What is wrong, a sentence each. */
  story: string[];
}

const STALE: ReadonlySet<string | undefined> = new Set(['stale-lease', 'already-resolved']);

/** Holds what is there against what must be. */
export function judgeDrill(
  expected: Answers,
  seen: { answers: Answers; records: TaskRecord[]; lines: Line[] },
): Verdict {
  const { answers, records, lines } = seen;
  const known = new Map(records.map((record) => [record.id as string, record]));
  const accepted = Map.groupBy(
    lines.filter(({ msg }) => msg === 'result-accepted'),
    ({ task }) => task ?? '',
  );
  const story: string[] = [];
  const count = (what: string, holds: (task: string, record: TaskRecord | undefined) => boolean) => {
    const tasks = [...expected.keys()].filter((task) => holds(task, known.get(task)));
    for (const task of tasks) {
      const said = [known.get(task), lines.filter((line) => line.task === task)].map((part) => JSON.stringify(part));
      story.push(`${task} is ${what}: ${answers.get(task)} for ${expected.get(task)}; ${said.join('; ')}`);
    }
    return tasks.length;
  };
  const lost = count('lost', (_task, record) => record?.results.length !== 1 && !isGivenUp(record));
  const doubled = count('doubled', (task, record) => {
    const attempts = new Set(accepted.get(task)?.map(({ attempt }) => attempt));
    return attempts.size > 1 || eventsOf(record, 'resolved') > 1;
  });
  const wrong = count(
    'wrong',
    (task, record) => record?.results.length === 1 && answers.get(task) !== expected.get(task),
  );
  return {
    lost,
    doubled,
    wrong,
    given_up: records.filter(isGivenUp).length,
    losses: records.reduce((sum, record) => sum + eventsOf(record, 'lost') + eventsOf(record, 'failed'), 0),
    stale_refused: lines.filter(({ msg, code }) => msg === 'result-refused' && STALE.has(code)).length,
    dropped: lines.filter(({ msg }) => msg === 'task-dropped').length,
    story,
  };
}

const eventsOf = (record: TaskRecord | undefined, name: string) =>
  record?.events.filter(({ event }) => event === name).length ?? 0;

/** Given up as promised: after so many losses, no sooner. */
function isGivenUp(record: TaskRecord | undefined): boolean {
  return record?.state === 'failed' && eventsOf(record, 'lost') + 1 === LEASES.losses && record.results.length === 0;
}
