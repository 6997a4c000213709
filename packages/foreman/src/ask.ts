/**
 * The question for tasks, which waits at the server until something fits. A seat that is released meanwhile makes more
 * room than the question has said. To give the question up could lose a task that the server has just given; so a second
 * one, for no task, ends its wait: then it is answered with what there is, and the next question says all that is free. A
 * foreman that is told to take no more ends its question in the same way.
 */
import type { Client } from '@kolejka/client';
import { type Clock, keptWithin } from '@kolejka/program';
import {
  type ForemanName,
  GridError,
  type LimitName,
  type Limits,
  MOST_IMAGES,
  type RouteAnswer,
} from '@kolejka/protocol';
import type { Gate } from './gate.ts';
import type { Offer } from './node.ts';
import type { Seats } from './seats.ts';

export interface AskContext {
  client: Pick<Client, 'dequeue'>;
  foreman: ForemanName;
  offer: Offer;
  seats: Seats;
  gate: Gate;
  clock: Clock;
  /** Limits that the operator has stated. One of the original gives no task that does not state all it hears of. */
  stated: readonly LimitName[];
  /** The server leases tasks and waits for them; one of the original does neither. */
  leased: boolean;
  /** Whether the server ends the wait of a question for another; kept from question to question. */
  ending: Ending;
}

type Answer = RouteAnswer<'dequeue'>;

const NOTHING: Answer = { tasks: [] };

/**
 * Seconds a question may wait. `endless` is that of a busy node whose wait cannot be ended: a seat that is released
 * meanwhile is not offered before it is over.
 */
const WAIT_SECONDS = { usual: 20, endless: 1 } as const;

/**
 * A question that was ended is answered within this time, or the end has not reached it. The first may have overtaken
 * the question: two connections keep no order.
 */
const HEARD_MS = { first: 200, later: 1000 } as const;

/** For so long after an end that has not reached its question, questions of a busy node are short. */
const ENDLESS_MS = 600_000;

/** Least time between two questions that bring nothing: two foremen of one name would end each other's without a pause. */
const LEAST_MS = 1000;

/**
 * Whether an end reaches the question that waits. It does not where the two come to different servers of one database;
 * there the node goes back to short questions for a while.
 */
export class Ending {
  #endlessUntil = -Infinity;

  waitSeconds(isIdle: boolean, now: number): number {
    return isIdle || now >= this.#endlessUntil ? WAIT_SECONDS.usual : WAIT_SECONDS.endless;
  }

  failed(now: number): void {
    this.#endlessUntil = now + ENDLESS_MS;
  }
}

/**
 * What the server has for the room there is; also when the signal is aborted or the gate is shut meanwhile: the answer is
 * hurried then, and given up only when it does not come.
 * @param images those that are on the node
 */
export async function ask(context: AskContext, signal: AbortSignal, images: readonly string[] = []): Promise<Answer> {
  const { clock, leased, gate, seats } = context;
  // Taken together: whatever is released after this room was looked at ends the question.
  const room = seats.room();
  const released = seats.released();
  const asked = clock.monotonic();
  const leaving = AbortSignal.any([signal, gate.shutting]);
  if (leaving.aborted) return NOTHING;
  const left = Promise.withResolvers<void>();
  const leave = () => left.resolve();
  leaving.addEventListener('abort', leave, { once: true });
  const givenUp = new AbortController();
  const question = send(context, { ...room, images }, givenUp.signal);
  try {
    const isEnded = await hurry(context, question, { released, left: left.promise, leaving, givenUp });
    const answer = await question;
    const isEarly = answer.tasks.length === 0 && !isEnded && clock.monotonic() - asked < LEAST_MS;
    if (leased && isEarly) await keptWithin(seats.released(), LEAST_MS, clock, leaving);
    return answer;
  } catch (thrown) {
    // What the server gives from then on goes back by itself: it sees that we are gone.
    if (givenUp.signal.aborted && !(thrown instanceof GridError)) return NOTHING;
    throw thrown;
  } finally {
    leaving.removeEventListener('abort', leave);
  }
}

function send(
  { client, foreman, offer, stated, seats, leased, ending, clock }: AskContext,
  { places, limits, paid, idle, images }: ReturnType<Seats['room']> & { images: readonly string[] },
  signal: AbortSignal,
): Promise<Answer> {
  const request = {
    foreman,
    // The original gives one more than it is asked for.
    concurency: leased ? places : places - 1,
    limits: leased ? limits : only(limits, stated),
    ...(leased && { node: seats.node }),
    defaults: offer.defaults,
    tags: offer.tags,
    idle,
    ...(images.length > 0 && { images }),
    ...(leased && limits.image !== undefined && paid.size > 0 && { paid: printPaid(paid) }),
    wait: ending.waitSeconds(idle, clock.monotonic()),
  };
  return client.dequeue(request, { signal });
}

/** A server hears of so many. */
function printPaid(paid: ReadonlyMap<string, number>): { image: string; size: number }[] {
  return [...paid].slice(0, MOST_IMAGES).map(([image, size]) => ({ image, size }));
}

function only(limits: Limits, names: readonly LimitName[]): Limits {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => names.includes(name as LimitName)));
}

interface Hurry {
  released: Promise<void>;
  /** Kept when `leaving` is aborted. */
  left: Promise<void>;
  leaving: AbortSignal;
  /** Gives the question up. */
  givenUp: AbortController;
}

/**
 * Ends the question when a seat is released before it is answered, or when no task is wanted any more; answers whether
 * one of them was. One of the original answers at once: its answer is only waited for. Never rejects.
 */
async function hurry(
  { client, foreman, offer, leased, clock, ending }: AskContext,
  question: Promise<Answer>,
  { released, left, leaving, givenUp }: Hurry,
): Promise<boolean> {
  const answered = question.then(
    () => true,
    () => true,
  );
  const due = leased ? Promise.race([released, left]) : left;
  if (await Promise.race([answered, due.then(() => false)])) return false;
  const { signal } = givenUp;
  const end = { foreman, concurency: 0, limits: {}, tags: offer.tags, wait: 0 };
  for (let tries = 1; ; tries += 1) {
    // It may be lost, like any message; then it is sent again as long as there is something to end.
    const sent = leased ? client.dequeue(end, { signal }).catch(() => undefined) : undefined;
    await Promise.race([answered, left, sent]);
    if (await keptWithin(answered, tries === 1 ? HEARD_MS.first : HEARD_MS.later, clock, signal)) return true;
    if (tries === 1) continue;
    if (leaving.aborted) break;
    ending.failed(clock.monotonic());
  }
  givenUp.abort();
  return true;
}
