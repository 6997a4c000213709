/** Is everything there that was promised? Looked at in the database, all of it at one moment. */
import type { Database } from 'better-sqlite3';
import type { Told } from './told.ts';

/** A sentence for each promise that is not kept. The load must be at rest. */
export function checkTold(database: Database, told: Told): string[] {
  return Object.values(CHECKS).flatMap((check) => check(database, told));
}

type Check = (database: Database, told: Told) => string[];

const CHECKS: Record<string, Check> = {
  references(database, { references, gone }) {
    const find = database.prepare<[string], { blob: string; deleted_ms: number | null }>(
      'select blob, deleted_ms from blob_references where key = ?',
    );
    const lost = [...references].filter(([key, blob]) => {
      const row = find.get(key);
      return row?.blob !== blob || row.deleted_ms !== null;
    });
    const back = [...gone.references].filter((key) => find.get(key)?.deleted_ms === null);
    return [...lost.map(([key]) => `reference ${key} is lost`), ...back.map((key) => `reference ${key} is back`)];
  },
  blobs(database, { gone }) {
    const find = database.prepare('select 1 from blobs where hash = ?');
    return [...gone.blobs].filter((hash) => find.get(hash) !== undefined).map((hash) => `blob ${hash} is back`);
  },
  tasks(database, { tasks, gone, cancelled }) {
    const find = database.prepare<[string], { state: string; body: string }>(
      'select state, body from tasks join task_bodies on task_bodies.task = tasks.number where id = ?',
    );
    const lost = [...tasks].filter(([id, body]) => JSON.stringify(JSON.parse(find.get(id)?.body ?? 'null')) !== body);
    const back = [...gone.tasks].filter((id) => find.get(id) !== undefined);
    const alive = [...cancelled].filter((id) => (find.get(id)?.state ?? 'cancelled') !== 'cancelled');
    return [
      ...lost.map(([id]) => `task ${id} is lost, or not as it was answered`),
      ...back.map((id) => `task ${id} is back`),
      ...alive.map((id) => `task ${id} is not cancelled any more`),
    ];
  },
  keys(database, { keys, gone, doubtful }) {
    const find = database.prepare<[string], { id: string }>(
      'select id from idempotency_keys join tasks on tasks.number = idempotency_keys.task where key = ?',
    );
    const wrong = [...keys].filter(([key, id]) => !doubtful.has(id) && !gone.tasks.has(id) && find.get(key)?.id !== id);
    return wrong.map(([key, id]) => `the key ${key} does not lead to task ${id}`);
  },
  results(database, { results, gone, doubtful }) {
    const find = database.prepare<[string], { body: string; attempt: number; state: string }>(
      `select results.body, results.attempt, state from results join tasks on tasks.number = results.task where id = ?`,
    );
    const lost = [...results].filter(([id, { body, attempt }]) => {
      const row = find.get(id);
      if (row === undefined) return !doubtful.has(id);
      return JSON.stringify(JSON.parse(row.body)) !== body || row.attempt !== attempt || row.state !== 'resolved';
    });
    const back = [...gone.results].filter((id) => find.get(id) !== undefined);
    return [
      ...lost.map(([id]) => `the result of ${id} is lost, or not as it was answered`),
      ...back.map((id) => `the result of ${id} is back`),
    ];
  },
  leases(_database, { given, results }) {
    const holders = new Map<string, string>();
    return given.flatMap(({ task, attempt, foreman }) => {
      const lease = `attempt ${attempt} of ${task}`;
      const wrong = holders.has(lease) ? [`${lease} was given to ${holders.get(lease)} and to ${foreman}`] : [];
      holders.set(lease, foreman);
      const accepted = results.get(task)?.attempt;
      if (accepted !== undefined && accepted < attempt) wrong.push(`${lease} was given after its result was accepted`);
      return wrong;
    });
  },
  refusals(database, { refused, doubtful }) {
    const lost = database.prepare(
      `select 1 from events join tasks on tasks.number = events.task
       where id = ? and events.attempt = ? and event in ('lost', 'failed')`,
    );
    const wrong = refused.filter(({ task, attempt }) => !doubtful.has(task) && lost.get(task, attempt) === undefined);
    return wrong.map(
      ({ task, attempt, answer }) => `the result of attempt ${attempt} of ${task} was refused: ${answer}`,
    );
  },
  events(database, { events, doubtful }) {
    const find = database.prepare<[number], { id: string; event: string; attempt: number }>(
      `select tasks.id, event, events.attempt from events join tasks on tasks.number = events.task
       where events.number = ?`,
    );
    const wrong = [...events.values()].filter(({ number, task, event, attempt }) => {
      const row = find.get(number);
      if (row === undefined) return !doubtful.has(task) && event !== 'deleted';
      return row.id !== task || row.event !== event || row.attempt !== attempt;
    });
    return wrong.map(({ number, task, event }) => `event ${number}, ${event} of ${task}, was told and is not so`);
  },
};
