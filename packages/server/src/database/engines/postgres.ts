/**
 * PostgreSQL: any number of server processes on one database, any of which may be killed.
 *
 * One writer at a time, as on SQLite: a transaction begins by taking one advisory lock, which PostgreSQL lets go when
 * the transaction or its connection ends (docs/decisions/0004-one-writer.md). A process that is frozen while it holds
 * the lock is thrown out after ten seconds (`idle`); its writes are then refused, not half done.
 */
import { type ErrorCode, GridError } from '@kolejka/protocol';
import pg from 'pg';
import { migratePostgres } from '../migrate.ts';
import type { Connection, Engine, Values } from '../store.ts';

/** Names the writers' lock among other programs' on the same database: "kolejka" in ASCII, shortened. */
const WRITERS = 0x6b6f6c65;
/** Channel on which the event log says that it has grown. */
const CHANNEL = 'kolejka_events';
/** Connections for reading. */
const READERS = 8;
/** Pause before the listening connection is made again. */
const RECONNECT_MS = 1000;
/** A connection over which nothing comes is asked after so long whether it is still there. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Longest waits, in milliseconds. A database whose machine or network has gone away says nothing at all; without these
 * a write would wait for ever, and all later ones behind it.
 */
export interface Waits {
  /** For a connection. */
  connect: number;
  /** For the answer to a statement of a write; also for the lock, which a frozen server keeps for `idle`. */
  write: number;
  /** For the answer to a statement outside of a write. Those of command lines may take long. */
  read: number;
  /** Inside a transaction, between two statements; whoever pauses longer is frozen or gone. */
  idle: number;
}
const WAITS: Waits = { connect: 10_000, write: 30_000, read: 60_000, idle: 10_000 };

/** int8 as a number: ours are counts, sizes and milliseconds, all below 2^53. */
const { INT8 } = pg.types.builtins;
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
};

/**
 * Connects and brings the database to the newest version.
 * @param address `postgres://user:password@host:port/database`
 * @throws GridError `bad-config` when it cannot be had
 */
export async function openPostgres(address: string, waits = WAITS): Promise<Engine> {
  const config: pg.ClientConfig = {
    connectionString: address,
    types,
    application_name: 'kolejka-server',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: waits.connect,
  };
  const pool = new pg.Pool({ ...config, max: READERS, query_timeout: waits.read });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  const listeners = new Set<() => void>();
  let writer: pg.Client | undefined;
  const connectWriter = async () => {
    const client = await connectToWrite({ ...config, query_timeout: waits.write }, waits.idle);
    client.on('error', () => {
      if (writer === client) writer = undefined;
    });
    return client;
  };

  try {
    await migrate(config, waits.idle);
    writer = await connectWriter();
  } catch (cause) {
    await pool.end();
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-config', `The database cannot be used: ${(cause as Error).message}.`, { cause });
  }
  const ear = listen(config, () => {
    for (const listener of listeners) listener();
  });
  const open = () => {
    if (writer === undefined) throw unreachable('the connection was lost');
    return writer;
  };
  const run = async (sql: string) => void (await ask(open(), sql));

  return {
    reading: connectionOn(pool),
    async begin() {
      writer ??= await connectWriter().catch((cause: unknown) => {
        throw unreachable((cause as Error).message, cause);
      });
      // As the rest of the server needs it, whatever the database is set to: what is read after the lock was had is new.
      await run('begin isolation level read committed read write');
      await run(`select pg_advisory_xact_lock(${WRITERS})`);
      return connectionOn(open());
    },
    savepoint: () => run('savepoint one'),
    release: () => run('release savepoint one'),
    async undo() {
      await run('rollback to savepoint one');
      await run('release savepoint one');
    },
    commit: () => run('commit'),
    async rollback() {
      // A connection whose state nobody knows is not used again.
      await writer?.query('rollback').catch(async () => {
        await writer?.end().catch(() => undefined);
        writer = undefined;
      });
    },
    readsUncommitted: false,
    onForeignCommit: (listener) => void listeners.add(listener),
    async close() {
      await ear.close();
      await writer?.end();
      await pool.end();
    },
  };
}

/** Connects, and sets what writing needs. */
async function connectToWrite(config: pg.ClientConfig, idle: number): Promise<pg.Client> {
  const client = new pg.Client(config);
  // Whoever is at work on it hears by its statements.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`set idle_in_transaction_session_timeout = ${idle}`);
    // An acknowledged write is on disk; waiting for replicas too, as somebody may have set it, is more than that.
    await client.query(
      `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
    );
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** On a connection of its own: a migration of a large database may take as long as it likes. */
async function migrate(config: pg.ClientConfig, idle: number): Promise<void> {
  const client = await connectToWrite(config, idle);
  try {
    await migratePostgres(client, WRITERS);
  } finally {
    await client.end();
  }
}

function connectionOn(client: pg.Client | pg.Pool): Connection {
  return {
    all: async <Row>(sql: string, values: Values = {}) => (await ask(client, sql, values)).rows as Row[],
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in the interface
    get: async <Row>(sql: string, values: Values = {}) => (await ask(client, sql, values)).rows[0] as Row | undefined,
    run: async (sql, values = {}) => (await ask(client, sql, values)).rowCount ?? 0,
  };
}

interface Translated {
  name: string;
  text: string;
  parameters: readonly string[];
}

/** Our statements are few and fixed: each is translated once, and prepared once per connection under its number. */
const translated = new Map<string, Translated>();

function translate(sql: string): Translated {
  const known = translated.get(sql);
  if (known !== undefined) return known;
  const parameters: string[] = [];
  // `::` is a cast, not a parameter.
  const text = sql.replaceAll(/(?<!:):([a-z]\w*)/gi, (_all, name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  });
  const statement = { name: `kolejka_${translated.size}`, text, parameters };
  translated.set(sql, statement);
  return statement;
}

async function ask(client: pg.Client | pg.Pool, sql: string, values: Values = {}): Promise<pg.QueryResult> {
  const { name, text, parameters } = translate(sql);
  try {
    return await client.query({ name, text, values: parameters.map((parameter) => values[parameter] ?? null) });
  } catch (cause) {
    // It may still answer, and nobody would know to what.
    if (client instanceof pg.Client && !isAnswer(cause)) void client.end().catch(() => undefined);
    throw explained(cause);
  }
}

/** SQLSTATE → our code, where the fault is not in our statements. */
const NUL = ['bad-value', 'A text with a NUL cannot be stored.'] as const;
const STATES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  /** character_not_in_repertoire, untranslatable_character */
  '22021': NUL,
  '22P05': NUL,
  /** disk_full */
  '53100': ['no-space', 'The disk of the database is full; nothing of this was kept.'],
};

function explained(cause: unknown): unknown {
  if (!isAnswer(cause)) return unreachable((cause as Error).message, cause);
  const { code = '', message } = cause;
  const known = STATES[code];
  if (known !== undefined) return new GridError(...known, { cause });
  // Classes 08, 53 and 57: connection, resources, operator.
  return /^(08|53|57|25P03)/.test(code) ? unreachable(message, cause) : cause;
}

/** Is it what the database said? All else never reached it, or nothing came back. */
function isAnswer(cause: unknown): cause is pg.DatabaseError {
  return cause instanceof pg.DatabaseError;
}

function unreachable(why: string, cause?: unknown): GridError {
  return new GridError('busy', `The database does not answer (${why}); nothing was changed or it is not known.`, {
    cause,
  });
}

/** Hears of commits of all processes, over a connection of its own that is made again when it breaks. */
function listen(config: pg.ClientConfig, heard: () => void): { close(): Promise<void> } {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const next = new pg.Client(config);
    client = next;
    next.on('notification', heard);
    next.on('error', () => undefined);
    next.on('end', again);
    try {
      await next.connect();
      await next.query(`listen ${CHANNEL}`);
      // What was said while nobody listened.
      heard();
    } catch {
      await next.end().catch(() => undefined);
    }
  }
  function again(): void {
    if (closed) return;
    timer = setTimeout(() => void connect(), RECONNECT_MS);
  }
  void connect();

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
