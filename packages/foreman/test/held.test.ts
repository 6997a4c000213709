import { setTimeout } from 'node:timers/promises';
import { TaskId } from '@kolejka/protocol';
import test from 'ava';
import { HeldTasks } from '../src/held.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');

test('what is held is reported with its attempt and phase', (t) => {
  const tasks = new HeldTasks();
  const held = tasks.add(ID, 2);
  t.deepEqual(tasks.report(), [{ task: ID, attempt: 2, phase: 'taken' }]);
  tasks.enter(held, 'running');
  t.deepEqual(tasks.report(), [{ task: ID, attempt: 2, phase: 'running' }]);
  tasks.remove(held);
  t.is(tasks.size, 0);
});

test('a phase is told at once', async (t) => {
  const tasks = new HeldTasks();
  const held = tasks.add(ID, 1);
  const changed = tasks.changed();
  tasks.enter(held, 'running');
  await t.notThrowsAsync(changed);
});

test('regression: a phase entered while a heartbeat is under way is told at once after it', async (t) => {
  const tasks = new HeldTasks();
  const held = tasks.add(ID, 1);
  const report = tasks.report();
  tasks.enter(held, 'running');
  tasks.heard(report);
  const first = () => Promise.race([tasks.changed().then(() => 'told'), setTimeout(20, 'waits')]);
  t.is(await first(), 'told');
  tasks.heard(tasks.report());
  t.is(await first(), 'waits', 'there is nothing more to tell');
});

test('a task is stopped only when its very attempt is to be killed', (t) => {
  const tasks = new HeldTasks();
  const held = tasks.add(ID, 2);
  t.deepEqual(
    tasks.obey([
      { task: ID, attempt: 1, verdict: 'kill' },
      { task: ID, attempt: 2, verdict: 'keep' },
    ]),
    [],
  );
  t.false(held.stop.signal.aborted);
  t.deepEqual(tasks.obey([{ task: ID, attempt: 2, verdict: 'kill' }]), [held]);
  t.true(held.stop.signal.aborted);
});

test('a returned task is let go once the server has heard of it', (t) => {
  const tasks = new HeldTasks();
  const held = tasks.add(ID, 1);
  const before = tasks.report();
  tasks.enter(held, 'returned');
  tasks.heard(before);
  t.is(tasks.size, 1, 'that report did not say so yet');
  tasks.heard(tasks.report());
  t.is(tasks.size, 0);
});
