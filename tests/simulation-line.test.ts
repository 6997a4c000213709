// A node that is always busy with small tasks, and one task that needs all of it.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { readRecords } from './simulation/check.ts';
import { SimulatedGrid } from './simulation/grid.ts';
import { openRandom } from './simulation/random.ts';
import { Time } from './simulation/time.ts';
import { makeTemplate } from './simulation/users.ts';

const SMALL = { prepareMs: 100, runMs: 7000, exit: 0, cpus: 1, isPoison: false };
/** Of two CPUs each is given anew every 7 s; small tasks come quicker than that. */
const EVERY_MS = 2500;
const LARGE = { ...SMALL, cpus: 2 };
/** It is put when both CPUs are taken, at different moments. */
const PUT_MS = 20_000;

const idOf = (name: string) => TaskId.parse(createHash('md5').update(name).digest('hex'));

async function openLine(t: ExecutionContext, nodes: number) {
  const template = await makeTemplate();
  const time = new Time();
  const grid = new SimulatedGrid(time, openRandom(1), template, `line-${process.pid}-${nodes}`);
  t.teardown(async () => {
    await grid.close();
    await rm(template.directory, { recursive: true });
  });
  await grid.startServer();
  for (let node = 0; node < nodes; node += 1) grid.addNode(`node-${node}`);
  for (let number = 0; number * EVERY_MS < 400_000 * nodes; number += 1) {
    const put = () => void time.during(grid.put(idOf(`small ${number}`), SMALL));
    time.after((number * EVERY_MS) / nodes, put);
  }
  const large = idOf('large');
  time.after(PUT_MS, () => void time.during(grid.put(large, LARGE)));
  const read = async () => {
    if (grid.server === undefined) throw new Error('no server');
    const records = await readRecords(grid.server.store);
    return {
      large: records.find(({ id }) => id === large)?.state,
      waiting: records.filter(({ id, state }) => id !== large && state === 'pending').length,
      resolved: records.filter(({ id, state }) => id !== large && state === 'resolved').length,
    };
  };
  return { grid, time, read };
}

for (const nodes of [1, 3]) {
  test.serial(`a task that needs the whole of one of ${nodes} busy nodes is not starved by small ones`, async (t) => {
    const { grid, time, read } = await openLine(t, nodes);
    await time.passUntil(PUT_MS + 60_000);
    const before = await read();
    t.is(before.large, 'pending');
    t.true(before.waiting > 0, 'small ones wait beside it, so that no node has room for it by chance');
    // What runs on the node ends within 8 s; then it runs itself.
    await time.passUntil(PUT_MS + 60_000 + 40_000);
    const after = await read();
    t.is(after.large, 'resolved');
    t.true(after.resolved > before.resolved);
    t.deepEqual(grid.violations, []);
  });
}
