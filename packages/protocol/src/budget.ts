/**
 * Does this task fit in what is left of a node, and what is left then. The one place that says so: the server asks it
 * when it chooses tasks, the foreman when it seats them.
 */
import { LIMIT_NAMES, LIMITS, type LimitName, type Limits } from './limits.ts';

/**
 * A budget is what is left of a node's limits.
 *
 * A limit the node does not state is not counted. `images` remembers which images are already paid for.
 * @word budget
 */
export interface Budget {
  left: Limits;
  images: ReadonlyMap<string, number>;
}

/** What of a task matters for fitting. */
export interface Demand {
  image: string;
  limits: Limits;
}

/** @param images what running tasks have paid for already, and `left` is without it */
export function openBudget(left: Limits, images: Budget['images'] = new Map()): Budget {
  return { left, images };
}

/** What the task needs of one limit: its own figure, else what absence means, else undefined: it did not say. */
function needed(name: LimitName, limits: Limits): number | boolean | undefined {
  const row = LIMITS[name];
  return limits[name] ?? ('absent' in row ? row.absent : undefined);
}

/** What of a limit the task adds to what is spent; tasks of one image share its size. */
function added(name: LimitName, demand: Demand, budget: Budget): number {
  const amount = Number(needed(name, demand.limits) ?? 0);
  if (LIMITS[name].spend !== 'image') return amount;
  return Math.max(0, amount - (budget.images.get(demand.image) ?? 0));
}

/**
 * The first limit that keeps the task from running within the budget, or undefined when it fits.
 *
 * A limit the node states must be stated by the task too, as in the original; a foreman sends what it takes a silent
 * task to ask for (`defaults` of dequeue).
 */
export function firstMisfit(demand: Demand, budget: Budget): LimitName | undefined {
  return LIMIT_NAMES.find((name) => {
    const left = budget.left[name];
    if (left === undefined || LIMITS[name].spend === 'none') return false;
    if (needed(name, demand.limits) === undefined) return true;
    return added(name, demand, budget) > Number(left);
  });
}

/** What is left when the task runs too. The caller has asked `firstMisfit` before. */
export function spendBudget(demand: Demand, budget: Budget): Budget {
  const left: Record<string, number | boolean> = { ...budget.left };
  for (const name of LIMIT_NAMES) {
    const value = budget.left[name];
    const { spend } = LIMITS[name];
    if (typeof value === 'number' && (spend === 'sum' || spend === 'image'))
      left[name] = value - added(name, demand, budget);
  }
  const size = Math.max(demand.limits.image ?? 0, budget.images.get(demand.image) ?? 0);
  return { left: left, images: new Map([...budget.images, [demand.image, size]]) };
}
