import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { groupsOf, type Hierarchy, pathInHierarchy, readHierarchies } from '../../src/cgroup/mounts.ts';
import { QuickMoves } from '../../src/cgroup/quick-moves.ts';
import { until } from '../until.ts';

/** A file that stands for the processes of the group we are in, in a hierarchy of plain directories. */
function standIn(t: ExecutionContext, { root, version, controllers }: Hierarchy) {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-moves-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const hierarchy = { root, version, controllers, directory };
  const group = pathInHierarchy(groupsOf(process.pid) ?? '', hierarchy, controllers[0]) ?? '/';
  mkdirSync(path.join(directory, group), { recursive: true });
  const file = path.join(directory, group, 'cgroup.procs');
  return { hierarchy, file, empty: () => writeFileSync(file, ''), text: () => readFileSync(file, 'utf8') };
}

function mounted(): Hierarchy {
  const found = readHierarchies().find(({ version, controllers }) => version === 2 || controllers.length > 0);
  if (found === undefined) throw new Error('no control groups are mounted');
  return found;
}

test('from when a move is to be expected this process is moved to where it is, until none is', async (t) => {
  const { hierarchy, empty, text } = standIn(t, mounted());
  const moves = new QuickMoves([hierarchy]);
  empty();
  moves.expect();
  for (let round = 0; round < 3; round += 1) {
    await until(() => text() === '0', 'its own group is written to');
    empty();
  }
  let untouched = 0;
  await until(() => {
    untouched = text() === '' ? untouched + 1 : 0;
    empty();
    return untouched === 10;
  }, 'ten looks see nothing written');
  t.is(text(), '');
});

test('a hierarchy of v1 that only has a name is left alone', async (t) => {
  const [named, other] = [standIn(t, { ...mounted(), version: 2, controllers: [] }), standIn(t, mounted())];
  for (const { empty } of [named, other]) empty();
  const moves = new QuickMoves([{ ...named.hierarchy, version: 1 }, other.hierarchy]);
  moves.expect();
  await until(() => other.text() === '0', 'the other one is written to');
  t.is(named.text(), '');
});
