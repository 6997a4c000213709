/**
 * What each user has used of the grid, for fair share.
 *
 * Use is counted in core seconds: the cores a task asked for (one, when it does not say) times the seconds it was
 * assigned, and one second more, so that many short tasks count too. What is over loses half its weight every
 * `HALF_LIFE_MS`, as Slurm and HTCondor do; what runs counts from the moment it was taken. A user with twice the
 * weight may use twice as much before others come first.
 */
import type { Connection } from './store.ts';

/** An hour: the rush before a deadline is forgotten the next morning. */
const HALF_LIFE_MS = 3_600_000;

interface ShareRow {
  owner: number;
  weight: number;
  /** Core seconds of what is over, as of `used_ms`. */
  used: number;
  used_ms: number;
  /** Cores of what runs now. */
  cores: number;
  /** Sum over what runs now: cores × the second it was taken. */
  taken_s: number;
}

/** What a user has used of the share it is due. */
export interface Share {
  /** Core seconds, divided by the weight. */
  use: number;
  weight: number;
}

/** Of a user who never had a task run. */
export const UNUSED: Share = { use: 0, weight: 1 };

/** The share of every user who has one. */
export async function sharePerUser(db: Connection, now: number): Promise<Map<number, Share>> {
  const rows = await db.all<ShareRow>('select owner, weight, used, used_ms, cores, taken_s from shares');
  return new Map(rows.map((row) => [row.owner, { use: useOf(row, now), weight: row.weight }]));
}

function useOf({ weight, used, used_ms, cores, taken_s }: ShareRow, now: number): number {
  const running = cores * (seconds(now) + 1) - taken_s;
  return (decayed(used, now - used_ms) + running) / weight;
}

function decayed(used: number, afterMs: number): number {
  return used * 0.5 ** (Math.max(0, afterMs) / HALF_LIFE_MS);
}

/** The user's task was taken. */
export async function beginUse(db: Connection, owner: number, cores: number, now: number): Promise<void> {
  await db.run(
    `insert into shares (owner, cores, taken_s) values (:owner, :cores, :taken)
     on conflict (owner) do update set cores = shares.cores + excluded.cores, taken_s = shares.taken_s + excluded.taken_s`,
    { owner, cores, taken: cores * seconds(now) },
  );
}

/** The user's task, taken at `takenMs`, is assigned no more. */
export async function endUse(
  db: Connection,
  { owner, cores, takenMs }: { owner: number; cores: number; takenMs: number },
  now: number,
): Promise<void> {
  const row = await db.get<ShareRow>(
    'select owner, weight, used, used_ms, cores, taken_s from shares where owner = :owner',
    { owner },
  );
  if (row === undefined) return;
  const used = cores * (1 + Math.max(0, seconds(now) - seconds(takenMs)));
  await db.run(
    `update shares set used = :used, used_ms = :now, cores = cores - :cores, taken_s = taken_s - :taken
     where owner = :owner`,
    { owner, used: decayed(row.used, now - row.used_ms) + used, now, cores, taken: cores * seconds(takenMs) },
  );
}

/** Sets how much the user may use before others come first, compared to 1 of the others. */
export async function setWeight(db: Connection, owner: number, weight: number): Promise<void> {
  await db.run(
    `insert into shares (owner, weight) values (:owner, :weight)
     on conflict (owner) do update set weight = excluded.weight`,
    { owner, weight },
  );
}

/** Whole seconds: sums of them stay exact. */
function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
