/**
 * Choosing tasks for a foreman: priority first, then the user who has used least, then age.
 *
 * Looked at are queues, not tasks: within a request class, the tasks of one user at one priority wait in a queue, and
 * only its head can be chosen. The best head that fits what is left of the offer is taken, again and again, until the
 * budget is spent or there are enough. So the work grows with the number of queues, whatever waits in them, and a queue
 * that nobody can run keeps nobody from running.
 *
 * A task that is first in line and does not fit what is free, but would fit the whole node, may keep it from being given
 * to those behind (`keep-room.ts`).
 *
 * A task whose image the node has goes before older ones of an equal priority and share, but before few: whatever is
 * passed is passed by no more than `HEAD_START` younger tasks, however many of them come.
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
import { type ClassPage, coresOf, type TaskClass } from '../database/classes.ts';
import { endPauses, nextReady, type Queue, queuesWithReady } from '../database/queues.ts';
import { type Share, sharePerUser, UNUSED } from '../database/shares.ts';
import type { Connection } from '../database/store.ts';
import { findTaskByNumber, moveTask, readBody, type TaskRow } from '../database/tasks.ts';
import { keepsRoom } from './keep-room.ts';

/** What a foreman has to give. */
export interface Offer {
  /** The user it is logged in as. */
  holder: number;
  /** Its name; a foreman of the original has none and sends no heartbeat. */
  foreman: ForemanName | undefined;
  /** Most tasks to take. The original gives one more; that is taken for a mistake. */
  most: number;
  limits: Limits;
  /** What it has when nothing runs; undefined when it does not say. */
  node?: Limits;
  /** What a task that does not state a limit asks for. */
  defaults: Limits;
  tags: readonly string[];
  /** Nothing runs on the node. */
  idle: boolean;
  /** Length of its leases, where it is not the usual one. */
  leaseMs?: number;
  /** Images that are on the node, in the spelling of `familiarImage`. */
  images: ReadonlySet<string>;
  /** Images of tasks that run there, as tasks name them, and the size that is counted for each. */
  paid?: ReadonlyMap<string, number>;
}

/** A task and the lease it was taken under. */
export interface Taken {
  id: TaskId;
  class: number;
  /** The task as it is answered, JSON. */
  body: string;
  attempt: number;
  leaseMs: number;
}

interface Candidate extends Omit<Queue, 'ready'>, Share {
  /** How many older tasks its head may pass. */
  headStart: number;
}

/** Tasks are numbered as they are put: a task whose image is there stands so many places further ahead. */
export const HEAD_START = 100;

/** Could the foreman run a task of this class, with all that it offers? */
export function fitsOffer(taskClass: TaskClass, offer: Offer): boolean {
  if (taskClass.exclusive && !offer.idle) return false;
  if (!taskClass.requires.every((tag) => offer.tags.includes(tag))) return false;
  return firstMisfit(demandOf(taskClass, offer), openBudget(offer.limits, offer.paid)) === undefined;
}

/** Could the foreman run it if nothing else ran there? */
function fitsNode(taskClass: TaskClass, offer: Offer): boolean {
  return (
    offer.node !== undefined && fitsOffer(taskClass, { ...offer, limits: offer.node, paid: new Map(), idle: true })
  );
}

/** Is the image of this class on the node already? */
export function hasImage({ familiarImage: image }: TaskClass, { images }: Offer): boolean {
  return images.has(image);
}

/**
 * Assigns tasks to the foreman, the best first; each under a lease. To be called inside a write.
 * @param keeping called when the foreman gets no more because its room is kept for a task that is first in line
 */
export async function takeTasks(
  db: Connection,
  classes: ClassPage,
  offer: Offer,
  now: number,
  keeping: () => void = () => undefined,
): Promise<Taken[]> {
  await endPauses(db, now);
  const taken: Taken[] = [];
  let budget = openBudget(offer.limits, offer.paid);
  let candidates = await openCandidates(db, classes, offer, now);
  // The best of those that fit the node and not what is free: what is not looked at is behind what fits.
  let larger: Candidate | undefined;
  const fitsNow = (taskClass: TaskClass): boolean => {
    // One that wants the node for itself is taken first or not at all, and then alone.
    if (taskClass.exclusive && taken.length > 0) return false;
    return fitsOffer(taskClass, offer) && firstMisfit(demandOf(taskClass, offer), budget) === undefined;
  };
  while (taken.length < offer.most) {
    const chosen = await chooseBest(candidates, async (candidate) => {
      const taskClass = await classes.find(db, candidate.class);
      if (fitsNow(taskClass)) return true;
      if ((larger === undefined || isBefore(candidate, larger)) && fitsNode(taskClass, offer)) larger = candidate;
      return false;
    });
    if (await isKeptFor(db, offer, { first: larger, before: chosen?.best }, now)) {
      keeping();
      break;
    }
    if (chosen === undefined) break;
    const { best, fitting } = chosen;
    const taskClass = await classes.find(db, best.class);
    taken.push(await assign(db, best.head, taskClass, offer, now));
    if (taskClass.exclusive) break;
    if (taken.length >= offer.most) break;
    budget = spendBudget(demandOf(taskClass, offer), budget);
    candidates = await afterTaking(db, best, fitting, coresOf(taskClass));
    larger = larger && { ...larger, use: larger.use + usedBy(best, larger.owner, coresOf(taskClass)) };
  }
  return taken;
}

/** Is the larger task before what would be given, and does this foreman keep its room for it? */
async function isKeptFor(
  db: Connection,
  { holder, foreman }: Offer,
  { first, before }: { first: Candidate | undefined; before: Candidate | undefined },
  now: number,
): Promise<boolean> {
  if (first === undefined || foreman === undefined) return false;
  if (before !== undefined && !isBefore(first, before)) return false;
  return await keepsRoom(db, { holder, foreman }, first.head, now);
}

/** What a task that was taken adds to the use of a user. */
function usedBy(taken: Candidate, owner: number, cores: number): number {
  return taken.owner === owner ? cores / taken.weight : 0;
}

async function openCandidates(db: Connection, classes: ClassPage, offer: Offer, now: number): Promise<Candidate[]> {
  const queues = await queuesWithReady(db);
  if (queues.length === 0) return [];
  const shares = await sharePerUser(db, now);
  const candidates: Candidate[] = [];
  for (const queue of queues) {
    // A foreman that says nothing of images needs no class to be read for it.
    const isThere = offer.images.size > 0 && hasImage(await classes.find(db, queue.class), offer);
    candidates.push({ ...queue, ...(shares.get(queue.owner) ?? UNUSED), headStart: isThere ? HEAD_START : 0 });
  }
  return candidates;
}

/**
 * The best candidate that fits, and those that may still fit: what does not fit now fits later even less. Fitting is
 * looked at last: most candidates are worse than one that fits.
 */
async function chooseBest(
  candidates: readonly Candidate[],
  fits: (candidate: Candidate) => Promise<boolean>,
): Promise<{ best: Candidate; fitting: Candidate[] } | undefined> {
  let best: Candidate | undefined;
  const fitting: Candidate[] = [];
  for (const candidate of candidates) {
    const isBetter = best === undefined || isBefore(candidate, best);
    if (isBetter && !(await fits(candidate))) continue;
    fitting.push(candidate);
    if (isBetter) best = candidate;
  }
  return best === undefined ? undefined : { best, fitting };
}

function isBefore(one: Candidate, other: Candidate): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  if (one.use !== other.use) return one.use < other.use;
  return one.head - one.headStart < other.head - other.headStart;
}

/** The candidates with the queue's next task as its head, and what its owner has used by now. */
async function afterTaking(
  db: Connection,
  taken: Candidate,
  candidates: Candidate[],
  cores: number,
): Promise<Candidate[]> {
  const next = await nextReady(db, taken.id, taken.head);
  return candidates.flatMap((candidate) => {
    const head = candidate === taken ? next : candidate.head;
    if (head === undefined) return [];
    if (candidate.owner !== taken.owner) return candidate;
    return { ...candidate, head, use: candidate.use + cores / candidate.weight };
  });
}

function demandOf({ image, limits }: TaskClass, { defaults }: Offer) {
  return { image, limits: { ...defaults, ...limits } };
}

async function assign(
  db: Connection,
  number: number,
  { limits }: TaskClass,
  offer: Offer,
  now: number,
): Promise<Taken> {
  const leaseMs = offer.foreman === undefined ? LEASES.silentMs(limits.time) : (offer.leaseMs ?? LEASES.renewedMs);
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
  const body = await readBody(db, task);
  return { id: task.id, class: task.class, body, attempt: moved.attempt, leaseMs };
}
