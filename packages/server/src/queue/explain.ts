/**
 * Why a task is not running, in sentences for people: what no foreman has, what is taken at the moment, who goes before.
 *
 * It asks the same question as choosing does (`firstMisfit`), of what each foreman heard of lately offered last, and of
 * the most it ever offered.
 */
import { firstMisfit, LIMIT_NAMES, LIMITS, type LimitName, openBudget, STATES } from '@kolejka/protocol';
import type { TaskClass } from '../database/classes.ts';
import type { Offered, SeenForeman } from '../database/foremen.ts';
import type { KeptRoom } from '../database/kept-rooms.ts';
import type { TaskRow } from '../database/tasks.ts';

/** What keeps a task from running; `code` is for programs, the message for people. */
export interface Obstacle {
  code: 'state' | 'held-back' | 'no-foreman' | 'tag' | 'limit' | 'busy' | 'behind';
  message: string;
}

/** How many ready tasks go before a task. */
export interface Ahead {
  /** Of the same user: with a higher priority, or as high and older. */
  own: number;
  /** Of other users: with a higher priority, or as high and of somebody who has used less. */
  others: number;
}

interface Grid {
  /** Those heard of lately. */
  foremen: readonly SeenForeman[];
  ahead: Ahead;
  /** Who keeps its room for which task. */
  rooms: readonly KeptRoom[];
}

/** Why the task is not running; nothing when it may run at any moment. */
export function explainTask(
  task: Pick<TaskRow, 'number' | 'state' | 'not_before_ms' | 'attempt' | 'foreman' | 'running' | 'losses'>,
  taskClass: TaskClass,
  { foremen, ahead, rooms }: Grid,
  now: number,
): Obstacle[] {
  if (task.state !== 'pending') return [{ code: 'state', message: describeState(task) }];
  const able = foremen.filter(({ most }) => misfits(taskClass, most).length === 0 && hasTags(taskClass, most));
  const ready = able.filter(
    (foreman) => misfits(taskClass, foreman.now).length === 0 && mayBeAlone(taskClass, foreman),
  );
  return [
    ...heldBack(task, now),
    ...(able.length === 0 ? nobodyCan(taskClass, foremen) : []),
    ...(able.length > 0 && ready.length === 0 ? nobodyHasRoom(taskClass, able) : []),
    ...keptRoom(task.number, ready, rooms, now),
    ...behind(ahead),
  ];
}

function describeState({ state, attempt, foreman, running }: Parameters<typeof explainTask>[0]): string {
  if (state !== 'assigned') return `The task is ${state}: ${STATES[state]}.`;
  const who = foreman === null ? 'A foreman without a name' : `Foreman ${foreman}`;
  return `${who} has the task, attempt ${attempt}: ${running === 1 ? 'its program runs' : 'it is being prepared'}.`;
}

function heldBack({ not_before_ms, losses }: Parameters<typeof explainTask>[0], now: number): Obstacle[] {
  if (not_before_ms <= now) return [];
  const seconds = Math.ceil((not_before_ms - now) / 1000);
  const why = losses > 0 ? `it was lost ${losses === 1 ? 'once' : `${losses} times`}` : 'a foreman handed it back';
  return [{ code: 'held-back', message: `It waits ${seconds} s more before it is tried again: ${why}.` }];
}

function nobodyCan(taskClass: TaskClass, foremen: readonly SeenForeman[]): Obstacle[] {
  if (foremen.length === 0) {
    return [{ code: 'no-foreman', message: 'No foreman was heard of in the last ten minutes.' }];
  }
  const missing = taskClass.requires.filter((tag) => foremen.every(({ most }) => !most.tags.includes(tag)));
  if (missing.length > 0) return missing.map((tag) => ({ code: 'tag', message: `No foreman has the tag ${tag}.` }));
  const tagged = foremen.filter(({ most }) => hasTags(taskClass, most));
  if (tagged.length === 0) {
    return [{ code: 'tag', message: `No single foreman has all of the tags ${taskClass.requires.join(', ')}.` }];
  }
  // What none of them could give by itself; else say what the one that lacks least lacks.
  const lacking = tagged.map(({ most }) => misfits(taskClass, most));
  const everywhere = LIMIT_NAMES.filter((name) => lacking.every((names) => names.includes(name)));
  const fewest = lacking.toSorted((one, other) => one.length - other.length)[0] ?? [];
  const names = everywhere.length > 0 ? everywhere : fewest;
  return names.map((name) => ({ code: 'limit', message: sayLimit(name, taskClass, tagged) }));
}

function sayLimit(name: LimitName, { limits }: TaskClass, foremen: readonly SeenForeman[]): string {
  const asked = limits[name];
  if (asked === undefined) return `It states no ${name}, which the foremen count.`;
  const offered = foremen.map(({ most }) => most.limits[name]).filter((value) => value !== undefined);
  if (typeof asked === 'boolean') return `It needs ${name}, which no foreman that could run it offers.`;
  return `It needs ${sayAmount(name, asked)} of ${name} and the largest offers ${sayAmount(name, Math.max(...offered.map(Number)))}.`;
}

/** Most foremen that are named. */
const NAMED = 5;

function nobodyHasRoom(taskClass: TaskClass, able: readonly SeenForeman[]): Obstacle[] {
  const messages = able.slice(0, NAMED).map((foreman) => {
    const lacking = misfits(taskClass, foreman.now).map((name) => sayFree(name, taskClass, foreman.now));
    return `${foreman.name} could run it, but ${lacking.length > 0 ? lacking.join(', ') : 'not alone as it wants'} at the moment`;
  });
  const more = able.length > NAMED ? ` (and ${able.length - NAMED} more)` : '';
  return [{ code: 'busy', message: `No foreman has room for it: ${messages.join('; ')}${more}.` }];
}

/** Room that is kept for this task, or all that it would fit in kept for others. */
function keptRoom(task: number, ready: readonly SeenForeman[], rooms: readonly KeptRoom[], now: number): Obstacle[] {
  const own = rooms.find((room) => room.task === task);
  if (own !== undefined) {
    const seconds = Math.ceil((own.until_ms - now) / 1000);
    const message = `Foreman ${own.foreman} takes nothing behind it until it has room for it, for ${seconds} s at most.`;
    return [{ code: 'busy', message }];
  }
  const keeping = ready.map(({ name }) => name).filter((name) => rooms.some(({ foreman }) => foreman === name));
  if (keeping.length === 0 || keeping.length < ready.length) return [];
  const who = keeping.slice(0, NAMED).join(', ');
  return [{ code: 'busy', message: `Room for it is kept for a larger task that is first in line, at ${who}.` }];
}

function sayFree(name: LimitName, { limits }: TaskClass, now: Offered): string {
  const free = Number(now.limits[name] ?? 0);
  const asked = Number(limits[name] ?? now.defaults[name] ?? 0);
  return `has ${sayAmount(name, free)} of ${name} free where it needs ${sayAmount(name, asked)}`;
}

function behind({ own, others }: Ahead): Obstacle[] {
  if (own + others === 0) return [];
  const parts = [...(own > 0 ? [`${own} of the same user`] : []), ...(others > 0 ? [`${others} of others`] : [])];
  return [{ code: 'behind', message: `Before it go ${parts.join(' and ')}, as far as they fit.` }];
}

function hasTags({ requires }: TaskClass, { tags }: Offered): boolean {
  return requires.every((tag) => tags.includes(tag));
}

function mayBeAlone({ exclusive }: TaskClass, { now }: SeenForeman): boolean {
  return !exclusive || now.idle;
}

/** Limits of the offer that the task does not fit in, each looked at by itself. */
function misfits({ image, limits }: TaskClass, { limits: offered, defaults, paid }: Offered): LimitName[] {
  const demand = { image, limits: { ...defaults, ...limits } };
  return LIMIT_NAMES.filter(
    (name) =>
      offered[name] !== undefined && firstMisfit(demand, openBudget({ [name]: offered[name] }, paid)) !== undefined,
  );
}

const SIZES = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/** An amount in the unit people think of it in: 64G, 1.5G, 30 s, 2. */
function sayAmount(name: LimitName, amount: number): string {
  const { unit } = LIMITS[name];
  if (unit === 'duration') return `${amount / 1000} s`;
  if (unit !== 'bytes') return String(amount);
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log2(Math.max(1, amount)) / 10));
  return `${Math.round((amount / 1024 ** power) * 10) / 10}${SIZES[power]}`;
}
