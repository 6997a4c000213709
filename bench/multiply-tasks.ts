/**
 * Fills the queue of a stopped server faster than requests could: some tasks are put through the API, so that the
 * server itself writes whatever belongs to a task, and those are copied inside the database.
 *
 * All this file knows of the database: tasks have a `number` that grows, an `id` of 32 hexadecimal digits which may
 * also stand in their texts, and a table whose rows belong to tasks says so with a foreign key. Other columns are copied
 * as they are, whichever there are, and what the server's triggers count they count here too. The bench asks the
 * server afterwards whether it sees them.
 */
import { hash } from 'node:crypto';
import path from 'node:path';
import Database from 'better-sqlite3';

/** Rows in one transaction: few enough that its log stays small. */
const AT_ONCE = 50_000;

export interface Copies {
  /** Data directory of a server that does not run. */
  data: string;
  /** So many of the newest tasks are copied, in turn. */
  originals: number;
  /** How many copies are made, of all of them together. */
  copies: number;
}

export function multiplyTasks({ data, originals, copies }: Copies): void {
  const database = new Database(path.join(data, 'kolejka.sqlite'));
  try {
    // Nobody has to survive a power cut here, and all is synced at the end.
    for (const pragma of ['synchronous = off', 'cache_size = -500000', 'foreign_keys = off']) database.pragma(pragma);
    database.function('id_of', { deterministic: true }, (number) => hash('md5', `task ${String(number)}`));
    const newest = database.prepare<[], number>('select max(number) from tasks').pluck().get() ?? 0;
    const statements = copying(database);
    const copy = database.transaction((from: number, to: number) => {
      for (const statement of statements) statement.run({ first: newest - originals + 1, originals, newest, from, to });
    });
    for (let from = 1; from <= copies; from += AT_ONCE) copy(from, Math.min(copies, from + AT_ONCE - 1));
    database.pragma('synchronous = full');
    database.pragma('wal_checkpoint(truncate)');
  } finally {
    database.close();
  }
}

/** Copy `n` is of the original `first + (n - 1) mod originals` and gets the number `newest + n`. */
const COPIES = `with recursive copies (n) as (select :from union all select n + 1 from copies where n < :to)`;
const ORIGINAL = ':first + (copies.n - 1) % :originals';
const NUMBER = ':newest + copies.n';
const ID = `id_of(${NUMBER})`;
const ORIGINAL_ID = `(select id from tasks where number = ${ORIGINAL})`;

/** A statement for the tasks, and one for every table whose rows belong to tasks. */
function copying(database: Database.Database): Database.Statement[] {
  const known = new Map([
    ['number', NUMBER],
    ['id', ID],
    ...columnsOf(database, 'tasks')
      .filter(({ name, type }) => name !== 'id' && type === 'TEXT')
      .map(({ name }) => [name, `replace(original."${name}", original.id, ${ID})`] as const),
  ]);
  const tables = database
    .prepare<[], string>(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`)
    .pluck()
    .all();
  return [
    copyingOf(database, 'tasks', 'number', known),
    ...tables.flatMap((table) => {
      const owner = ownerColumn(database, table);
      if (owner === undefined) return [];
      const texts = columnsOf(database, table)
        .filter(({ name, type }) => name !== owner && type === 'TEXT')
        .map(({ name }) => [name, `replace(original."${name}", ${ORIGINAL_ID}, ${ID})`] as const);
      return [copyingOf(database, table, owner, new Map([[owner, NUMBER], ...texts]))];
    }),
  ].map((sql) => database.prepare(sql));
}

interface Column {
  name: string;
  type: string;
  /** Place in the primary key, from 1; 0 when it is not part of it. */
  pk: number;
}

function columnsOf(database: Database.Database, table: string): Column[] {
  return database.pragma(`table_info(${table})`) as Column[];
}

/** The column by which the rows of a table belong to a task. */
function ownerColumn(database: Database.Database, table: string): string | undefined {
  const keys = database.pragma(`foreign_key_list(${table})`) as { table: string; from: string }[];
  return keys.find((key) => key.table === 'tasks')?.from;
}

function copyingOf(
  database: Database.Database,
  table: string,
  owner: string,
  known: ReadonlyMap<string, string>,
): string {
  const all = columnsOf(database, table);
  const isCounted = all.filter(({ pk }) => pk > 0).length === 1;
  // A number that SQLite gives to each row is not copied; it gives the copy another.
  const columns = all.filter(({ name, type, pk }) => known.has(name) || !(isCounted && pk > 0 && type === 'INTEGER'));
  const names = columns.map(({ name }) => `"${name}"`);
  const values = columns.map(({ name }) => known.get(name) ?? `original."${name}"`);
  return `insert into "${table}" (${names.join(', ')}) ${COPIES}
    select ${values.join(', ')} from copies cross join "${table}" as original on original."${owner}" = ${ORIGINAL}`;
}
