import test from 'ava';
import { LIMIT_NAMES, type LimitName, type Limits } from '@kolejka/protocol';
import { checkLimits, type KeeperRow, KEEPERS } from '../src/limit-keepers.ts';
import { openScene } from './scene.ts';

test('every limit says by what it is kept and what happens then', (t) => {
  for (const name of LIMIT_NAMES) {
    const { how, reached }: KeeperRow = KEEPERS[name];
    t.true(how !== '' && reached !== '', name);
  }
});

test('a limit that groups of this machine cannot keep is refused with their reason, and only when it is stated', (t) => {
  const whyNotKept = (name: LimitName) => (name === 'swap' ? 'its kernel does not count swap' : undefined);
  const error = t.throws(() => checkLimits({ memory: 1, swap: 0 }, whyNotKept));
  t.like(error, { code: 'limit-not-kept', field: 'limits.swap' });
  t.regex(error?.message ?? '', /does not count swap/);
  t.notThrows(() => checkLimits({ memory: 1, workspace: 1 }, whyNotKept));
});

test('limits that this machine cannot keep are refused before the task starts', async (t) => {
  const { run, context } = await openScene(t);
  const impossible: Limits = {
    cpus_offset: 10_000,
    ...(context.cgroups.version === 1 && { cgroup_depth: 2, cgroup_descendants: 2 }),
  };
  for (const [name, value] of Object.entries(impossible)) {
    let started = false;
    const { result } = await run(
      { args: ['true'], limits: { [name]: value } },
      {},
      { started: () => (started = true) },
    );
    t.is(result.reason, 'infrastructure', name);
    t.regex(result.message ?? '', /limits\.(cpus|cgroup_\w+): this node cannot keep it/);
    t.false(started);
  }
});
