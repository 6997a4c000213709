/** Foremen that were heard of: what each offered, so that it can be said why a task is not running. */
import { type ForemanName, type Limits, LIMIT_NAMES, parseLimits, printLimits } from '@kolejka/protocol';
import type { Connection } from './store.ts';

/** What a foreman can give, as far as fitting is concerned. */
export interface Offered {
  limits: Limits;
  defaults: Limits;
  tags: readonly string[];
  idle: boolean;
  /** Images of running tasks, paid for already. */
  paid?: ReadonlyMap<string, number>;
}

export interface SeenForeman {
  /** The foreman's name; for one of the original, which has none, the name of its user. */
  name: string;
  /** What it offered last. */
  now: Offered;
  /** The most of each limit that it offered since it is known. */
  most: Offered;
  seenMs: number;
}

/** A foreman that was away for so long is known anew. */
export const FORGOTTEN_MS = 600_000;

/** A foreman that was away for so long, 30 days, is removed when a new one comes. */
const GONE_MS = 2_592_000_000;

/** Writes down what a foreman offers. */
export async function noteForeman(
  db: Connection,
  from: { holder: number; foreman: ForemanName | undefined },
  offered: Offered,
  now: number,
): Promise<void> {
  const key = { holder: from.holder, name: from.foreman ?? '' };
  const known = await db.get<{ most: string; seen_ms: number }>(
    'select most, seen_ms from foremen where holder = :holder and name = :name',
    key,
  );
  const isKnown = known !== undefined && known.seen_ms > now - FORGOTTEN_MS;
  const most = isKnown ? largest(read(known.most), offered) : { ...offered, idle: true, paid: new Map() };
  if (known === undefined) await db.run('delete from foremen where seen_ms < :old', { old: now - GONE_MS });
  await db.run(
    `insert into foremen (holder, name, offer, most, seen_ms) values (:holder, :name, :offer, :most, :now)
     on conflict (holder, name) do update
     set offer = excluded.offer, most = excluded.most, seen_ms = excluded.seen_ms`,
    { ...key, offer: print(offered), most: print(most), now },
  );
}

/** Notes that a foreman lives; what it offered stays. */
export async function noteAlive(
  db: Connection,
  from: { holder: number; foreman: ForemanName | undefined },
  now: number,
): Promise<void> {
  await db.run('update foremen set seen_ms = :now where holder = :holder and name = :name', {
    holder: from.holder,
    name: from.foreman ?? '',
    now,
  });
}

/** Foremen that were heard of since a moment, by name. */
export async function foremenSince(db: Connection, sinceMs: number): Promise<SeenForeman[]> {
  const rows = await db.all<{ name: string; user: string; offer: string; most: string; seen_ms: number }>(
    `select foremen.name, users.name as "user", offer, most, seen_ms from foremen
     join users on users.id = foremen.holder where seen_ms > :sinceMs order by users.name, foremen.name`,
    { sinceMs },
  );
  return rows.map(({ name, user, offer, most, seen_ms }) => ({
    name: name === '' ? user : name,
    now: read(offer),
    most: read(most),
    seenMs: seen_ms,
  }));
}

/** Limits that one of them does not state are not counted by it, so they are not stated in what is largest either. */
function largest(one: Offered, other: Offered): Offered {
  const limits: Record<string, number | boolean> = {};
  for (const name of LIMIT_NAMES) {
    const [left, right] = [one.limits[name], other.limits[name]];
    if (left === undefined || right === undefined) continue;
    limits[name] = typeof left === 'boolean' ? left || Boolean(right) : Math.max(left, Number(right));
  }
  return { limits, defaults: other.defaults, tags: other.tags, idle: true };
}

function print({ limits, defaults, tags, idle, paid }: Offered): string {
  const named = { limits: printLimits(limits), defaults: printLimits(defaults), tags, idle };
  return JSON.stringify({ ...named, ...(paid !== undefined && paid.size > 0 && { paid: [...paid] }) });
}

function read(text: string): Offered {
  const { limits, defaults, tags, idle, paid } = JSON.parse(text) as {
    limits: unknown;
    defaults: unknown;
    tags: string[];
    idle: boolean;
    paid?: [string, number][];
  };
  return {
    limits: parseLimits(limits, 'limits', 'budget'),
    defaults: parseLimits(defaults, 'defaults', 'budget'),
    tags,
    idle,
    ...(paid !== undefined && { paid: new Map(paid) }),
  };
}
