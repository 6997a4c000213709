/**
 * Which of the free CPUs a task gets. Any will do, so whatever fits the count is given; preferred are, in this order,
 * those of one NUMA node, whole cores, and what leaves other cores and nodes whole for tasks to come.
 *
 * A task of one CPU is so put beside another on a core, rather than to break one that is free: a task of two would then
 * find no whole core. Who wants cores for itself asks for as many CPUs as a core has.
 */
import type { Cpu } from './cpu-shape.ts';

/** Numbers of `count` of the free CPUs, ascending; undefined when there are fewer. */
export function chooseCpus(free: readonly Cpu[], count: number, all: readonly Cpu[]): number[] | undefined {
  if (count > free.length) return undefined;
  const wholes = wholeCores(free, all);
  const chosen: Cpu[] = [];
  // Where no node has enough, all of the largest is given, and then the next.
  for (const node of groups(free, (cpu) => cpu.node).toSorted((one, other) => other.length - one.length)) {
    const left = free.filter((cpu) => !chosen.includes(cpu));
    const within = chooseWithinNode(left, count - chosen.length, wholes);
    chosen.push(...(within ?? node));
    if (within !== undefined) break;
  }
  return chosen.map(({ id }) => id).toSorted((one, other) => one - other);
}

/** The best of what the nodes that have enough would give; undefined when none has. */
function chooseWithinNode(free: readonly Cpu[], count: number, wholes: ReadonlySet<string>): Cpu[] | undefined {
  const choices = groups(free, ({ node }) => node)
    .filter((node) => node.length >= count)
    .map((node) => {
      const cpus = chooseFrom(node, count, wholes);
      const cores = groups(cpus, ({ core }) => core).filter(([cpu]) => wholes.has(cpu?.core ?? ''));
      const given = cores.filter(
        (core) => core.length === node.filter(({ core: name }) => name === core[0]?.core).length,
      );
      return { cpus, whole: given.flat().length, broken: cores.length - given.length, room: node.length };
    })
    .toSorted((one, other) => other.whole - one.whole || one.broken - other.broken || one.room - other.room);
  return choices[0]?.cpus;
}

/** Of one node: whole cores as long as they are not too large, then parts of broken ones, then of whole ones. */
function chooseFrom(node: readonly Cpu[], count: number, wholes: ReadonlySet<string>): Cpu[] {
  const cores = groups(node, ({ core }) => core);
  const whole = cores
    .filter(([cpu]) => wholes.has(cpu?.core ?? ''))
    .toSorted((one, other) => other.length - one.length);
  const broken = cores.filter((core) => !whole.includes(core)).toSorted((one, other) => one.length - other.length);
  const chosen: Cpu[] = [];
  for (const core of whole) if (core.length <= count - chosen.length) chosen.push(...core);
  const rest = [...broken, ...whole].flat().filter((cpu) => !chosen.includes(cpu));
  return [...chosen, ...rest.slice(0, count - chosen.length)];
}

/** Cores of which every CPU is free. */
function wholeCores(free: readonly Cpu[], all: readonly Cpu[]): Set<string> {
  const sizes = new Map(groups(all, ({ core }) => core).map((core) => [core[0]?.core, core.length]));
  const whole = groups(free, ({ core }) => core).filter((core) => core.length === sizes.get(core[0]?.core));
  return new Set(whole.map(([cpu]) => cpu?.core ?? ''));
}

function groups(cpus: readonly Cpu[], by: (cpu: Cpu) => string | number): Cpu[][] {
  return [...Map.groupBy(cpus, by).values()];
}
