import { setTimeout } from 'node:timers/promises';
import { realClock } from '@kolejka/program';
import { GridError, type Result, TaskId } from '@kolejka/protocol';
import test from 'ava';
import { handIn, type HandInContext } from '../src/hand-in.ts';
import { HeldTasks } from '../src/held.ts';
import { GivenUp } from '../src/persist.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
const RESULT: Result = {
  tags: ['node'],
  limits: { cpus: 1 },
  stats: {},
  result: 3,
  reason: 'exit',
  stdout: 'out',
  files: { out: { path: 'out' } },
};

type Put = HandInContext['client']['putResult'];

function open(putResult: Put, insisted = new AbortController().signal) {
  const held = new HeldTasks();
  const said: string[] = [];
  const context: HandInContext = {
    client: { putResult },
    held,
    log: { say: (name) => void said.push(name) },
    clock: realClock,
    insisted,
  };
  return { context, held, said, task: held.add(ID, 2) };
}

const refusals = [
  ['too-large', 'disk'],
  ['bad-value', 'exit'],
  ['reference-unknown', 'exit'],
  ['no-file', 'exit'],
] as const;
for (const [code, reason] of refusals) {
  test(`regression: a result that is refused as ${code} is replaced by a small one that says why`, async (t) => {
    const offered: unknown[] = [];
    const { context, held, task, said } = open(async (result, _directory, attempt) => {
      offered.push({ ...result, attempt });
      if (offered.length === 1) throw new GridError(code, 'Not this one.');
    });
    await handIn(context, RESULT, '/nowhere', task);
    const { stdout: _stdout, ...rest } = RESULT;
    const message = 'The files of the result are lost, because the server refused it: Not this one.';
    t.deepEqual(offered, [
      { ...RESULT, id: ID, attempt: 2 },
      { ...rest, id: ID, attempt: 2, reason, message, files: {} },
    ]);
    t.deepEqual(said, ['result-refused', 'result-accepted']);
    t.is(held.size, 0);
  });
}

test('the small result is offered once', async (t) => {
  let offered = 0;
  const { context, held, task } = open(async () => {
    offered += 1;
    throw new GridError('bad-value', 'Never.');
  });
  await handIn(context, RESULT, '/nowhere', task);
  t.is(offered, 2);
  t.is(held.size, 0);
});

test('a task whose lease was lost is let go without a second word', async (t) => {
  let offered = 0;
  const { context, held, task } = open(async () => {
    offered += 1;
    throw new GridError('stale-lease', 'Not yours.');
  });
  await handIn(context, RESULT, '/nowhere', task);
  t.is(offered, 1);
  t.is(held.size, 0);
});

test('regression: an insisted end does not wait for an upload', async (t) => {
  const insisted = new AbortController();
  const { context, task, said } = open(async (_result, _directory, _attempt, { signal } = {}) => {
    insisted.abort();
    await setTimeout(60_000, undefined, { ...(signal !== undefined && { signal }), ref: false });
  }, insisted.signal);
  await t.throwsAsync(handIn(context, RESULT, '/nowhere', task), { instanceOf: GivenUp });
  t.deepEqual(said, []);
});
