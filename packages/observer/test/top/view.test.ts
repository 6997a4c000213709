import test from 'ava';
import { parseListing } from '@kolejka/protocol';
import { usageOf } from '../../src/top/usage.ts';
import { printUsage } from '../../src/top/view.ts';

const ID = 'a'.repeat(32);
const group = (name: string) => ({ group: `/kolejka/${name}` });
const session = (id: string, task: string | undefined, more: object) => ({
  session_id: id,
  ...group(id),
  ...(task !== undefined && { task }),
  pid: 1,
  uid: 0,
  age: '3725s',
  limits: { memory: '1G' },
  stats: {},
  ...more,
});

const before = {
  at: 1000,
  listing: parseListing({
    sessions: [session(ID, 'run_b', { stats: { cpu: { usage: '1s' } } })],
    tasks: [{ task: 'run_b', ...group('run_b'), stats: { cpu: { usage: '10s' } } }],
  }),
};
const now = {
  at: 3000,
  listing: parseListing({
    sessions: [
      session('b'.repeat(32), undefined, { age: '90000s' }),
      session(ID, 'run_b', { stats: { cpu: { usage: '2s' }, memory: { usage: '1536k' }, pids: { usage: 3 } } }),
    ],
    tasks: [
      { task: 'run_b', ...group('run_b'), age: '65s', stats: { cpu: { usage: '13s' } } },
      { task: 'run_a\x1b[2J', ...group('run_a'), stats: { cpu: { usage: '5s' } } },
    ],
  }),
};

test('CPU is what was used between two looks, and absent for what was not there before', (t) => {
  t.deepEqual(
    usageOf(before, now).map(({ id, kind, cpuPercent }) => [id.slice(0, 5), kind, cpuPercent]),
    [
      ['run_a', 'task', undefined],
      ['run_b', 'task', 150],
      ['aaaaa', 'session of a task', 50],
      ['bbbbb', 'session', undefined],
    ],
  );
});

test('the table says what the kernel cannot say with a dash, and no name moves the cursor', (t) => {
  t.deepEqual(printUsage(usageOf(before, now)), [
    'TASK / SESSION                       CPU%  MEMORY    OF  PIDS       AGE',
    'run_a\\x1b[2J                            -       -     -     -         -',
    'run_b                               150.0       -     -     -      1:05',
    '  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa   50.0    1.5M  1.0G     3   1:02:05',
    'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb        -       -  1.0G     -  1d 01:00',
  ]);
});

test('in little room names are cut and rows are left out, never figures', (t) => {
  t.deepEqual(printUsage(usageOf(before, now), { columns: 60, lines: 6, hint: 'q ends' }), [
    'tasks: 2, sessions: 2; q ends',
    '',
    'TASK / SESSION             CPU%  MEMORY    OF  PIDS      AGE',
    'run_a\\x1b[2J                  -       -     -     -        -',
    'run_b                     150.0       -     -     -     1:05',
    '  aaaaaaaaaaaaaaaaaaaaa…   50.0    1.5M  1.0G     3  1:02:05',
  ]);
  const tiny = printUsage(usageOf(before, now), { columns: 10, lines: 2, hint: '' });
  t.true(tiny.every((line) => line.length <= 10));
});
