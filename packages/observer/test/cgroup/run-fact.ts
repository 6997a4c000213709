/** Runs one fact in a group of its own, and sees that nothing is left of it. */
import assert from 'node:assert/strict';
import type { Cgroups } from '../../src/cgroup/index.ts';
import { ALL_FACTS } from './all-facts.ts';
import { type Child, type ProgramName, startChild } from './programs.ts';

let count = 0;

/** @throws AssertionError */
export async function runFact(name: string, cgroups: Cgroups): Promise<void> {
  count += 1;
  const children: Child[] = [];
  const start = (program: ProgramName) => {
    const child = startChild(program);
    children.push(child);
    return child;
  };
  const group = cgroups.open(cgroups.taskPath(`test_${process.pid}_${count}`));
  try {
    await ALL_FACTS[name]?.({ cgroups, path: group.path, start });
  } finally {
    await group.remove();
    for (const child of children) child.end();
    await Promise.all(children.map((child) => child.ended));
  }
  assert.equal(group.exists(), false, `${group.path} is left`);
}
