/**
 * Choosing tasks for a foreman.
 *
 * Looked at are request classes, not tasks: of each class that fits what the foreman offers, the oldest task stands at
 * its head, and the oldest head is taken, again and again, until the budget is spent or there are enough. So a class
 * that nobody can run costs one comparison, however many tasks wait in it, and keeps nobody from running.
 */
import {
  firstMisfit,
  type ForemanName,
  LEASES,
  type Limits,
  openBudget,
  spendBudget,
  type TaskId,
} from '@kolejka/protocol';
import { classesWithPending, type TaskClass } from '../database/classes.ts';
import type { Connection } from '../database/store.ts';
import { findTaskByNumber, moveTask, oldestPending, type TaskRow } from '../database/tasks.ts';

/** What a foreman has to give. */
export interface Offer {
  /** The user it is logged in as. */
  holder: number;
  /** Its name; a foreman of the original has none and sends no heartbeat. */
  foreman: ForemanName | undefined;
  /** Most tasks to take. The original gives one more; that is taken for a mistake. */
  most: number;
  limits: Limits;
  /** What a task that does not state a limit asks for. */
  defaults: Limits;
  tags: readonly string[];
  /** Nothing runs on the node. */
  idle: boolean;
}

/** A task and the lease it was taken under. */
export interface Taken {
  id: TaskId;
  body: string;
  attempt: number;
  leaseMs: number;
}

/** The oldest task of a class. */
interface Head {
  taskClass: TaskClass;
  number: number;
}

/** Could the foreman run a task of this class, with all that it offers? */
export function fitsOffer(taskClass: TaskClass, offer: Offer): boolean {
  if (taskClass.exclusive && !offer.idle) return false;
  if (!taskClass.requires.every((tag) => offer.tags.includes(tag))) return false;
  return firstMisfit(demandOf(taskClass, offer), openBudget(offer.limits)) === undefined;
}

/** Assigns tasks to the foreman, oldest first; each under a lease. To be called inside a write. */
export async function takeTasks(db: Connection, offer: Offer, now: number): Promise<Taken[]> {
  const taken: Taken[] = [];
  let budget = openBudget(offer.limits);
  // Oldest last, where taking one out costs nothing.
  const heads: Head[] = [];
  for (const taskClass of await classesWithPending(db)) {
    if (fitsOffer(taskClass, offer)) heads.push(...(await headOf(db, taskClass, 0, now)));
  }
  heads.sort((one, other) => other.number - one.number);
  while (taken.length < offer.most) {
    const head = heads.pop();
    if (head === undefined) break;
    const { taskClass, number } = head;
    // One that wants the node for itself is taken first or not at all, and then alone.
    if (taskClass.exclusive && taken.length > 0) continue;
    const demand = demandOf(taskClass, offer);
    if (firstMisfit(demand, budget) !== undefined) continue;
    taken.push(await assign(db, number, taskClass, offer, now));
    if (taskClass.exclusive) break;
    budget = spendBudget(demand, budget);
    for (const next of await headOf(db, taskClass, number, now)) heads.splice(placeOf(next, heads), 0, next);
  }
  return taken;
}

function demandOf({ image, limits }: TaskClass, { defaults }: Offer) {
  return { image, limits: { ...defaults, ...limits } };
}

async function headOf(db: Connection, taskClass: TaskClass, after: number, now: number): Promise<Head[]> {
  const number = await oldestPending(db, taskClass.id, after, now);
  return number === undefined ? [] : [{ taskClass, number }];
}

/** Where the head belongs among heads that have the oldest last. */
function placeOf({ number }: Head, heads: readonly Head[]): number {
  return heads.findLastIndex((other) => other.number > number) + 1;
}

async function assign(
  db: Connection,
  number: number,
  { limits }: TaskClass,
  offer: Offer,
  now: number,
): Promise<Taken> {
  const leaseMs = offer.foreman === undefined ? LEASES.silentMs(limits.time) : LEASES.renewedMs;
  // Inside one write nobody can come between choosing, reading and moving.
  const task = (await findTaskByNumber(db, number)) as TaskRow;
  const lease = {
    attempt: task.attempt + 1,
    holder: offer.holder,
    foreman: offer.foreman ?? null,
    expires_ms: Math.ceil(now + leaseMs),
    not_before_ms: 0,
    running: 0,
  } as const;
  const moved = (await moveTask(db, task, 'assigned', lease, { now })) as TaskRow;
  return { id: task.id, body: task.body, attempt: moved.attempt, leaseMs };
}
