/**
 * Room for a task that needs more of a node than is free. As long as smaller ones are there, a busy node never has that
 * much free at one time: the task would wait for ever. So when it is first in line and has waited for a while, one
 * foreman whose whole node it fits gets nothing behind it until it fits, or somebody else takes it.
 *
 * That costs: CPUs stand idle meanwhile. So only one foreman does it for a task, and not for long: what runs there may
 * have no end. Then another may try, or the same after it has worked for as long.
 */
import type { ForemanName } from '@kolejka/protocol';
import { findKeptRoom, type KeptRoom, writeKeptRoom } from '../database/kept-rooms.ts';
import type { Connection } from '../database/store.ts';

/** A task that has waited for less finds room by itself most of the time. */
export const WAITED_MS = 60_000;
/** Longest time that a foreman keeps its room, and that it then works before it keeps it again. */
export const KEPT_MS = 600_000;
/** A foreman that keeps room asks every minute at least; one that has not asked for so long is gone, or full. */
export const UNSEEN_MS = 120_000;
/** Least time between two notes that it asked. */
const NOTED_MS = 10_000;

/** Whether the foreman is to keep its room for a task that is first in line. To be called inside a write. */
export async function keepsRoom(
  db: Connection,
  { holder, foreman }: { holder: number; foreman: ForemanName },
  task: number,
  now: number,
): Promise<boolean> {
  const { createdMs, kept } = await findKeptRoom(db, task);
  if (now - createdMs < WAITED_MS) return false;
  const anew: KeptRoom = { task, holder, foreman, until_ms: now + KEPT_MS, seen_ms: now };
  const isOurs = kept?.holder === holder && kept.foreman === foreman;
  if (kept !== undefined && isOurs && isKept(kept, now)) {
    if (now - kept.seen_ms >= NOTED_MS) await writeKeptRoom(db, { ...kept, seen_ms: now });
    return true;
  }
  if (kept !== undefined && (isOurs ? isResting(kept, now) : isKept(kept, now) && now - kept.seen_ms < UNSEEN_MS)) {
    return false;
  }
  await writeKeptRoom(db, anew);
  return true;
}

/** A calendar that was set back must not make it longer. */
function isKept({ until_ms: until }: KeptRoom, now: number): boolean {
  return now < until && until <= now + KEPT_MS;
}

function isResting({ until_ms: until }: KeptRoom, now: number): boolean {
  return until <= now && now < until + KEPT_MS;
}
