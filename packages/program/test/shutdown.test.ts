import { EventEmitter } from 'node:events';
import { openShutdown } from '@kolejka/program';
import test from 'ava';

function open() {
  const source = new EventEmitter();
  return { source, shutdown: openShutdown(source as unknown as NodeJS.Process) };
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  test(`the first ${signal} asks, the second insists`, (t) => {
    const { source, shutdown } = open();
    t.deepEqual([shutdown.asked.aborted, shutdown.insisted.aborted], [false, false]);
    source.emit(signal);
    t.deepEqual([shutdown.asked.aborted, shutdown.insisted.aborted], [true, false]);
    source.emit(signal);
    t.deepEqual([shutdown.asked.aborted, shutdown.insisted.aborted], [true, true]);
    source.emit(signal);
  });
}

test('one signal of each kind is the first and the second', (t) => {
  const { source, shutdown } = open();
  source.emit('SIGINT');
  source.emit('SIGTERM');
  t.true(shutdown.insisted.aborted);
});

test('a program can ask and insist by itself; insisting asks too', (t) => {
  const asked = open().shutdown;
  asked.ask();
  t.deepEqual([asked.asked.aborted, asked.insisted.aborted], [true, false]);
  const insisted = open().shutdown;
  insisted.insist();
  t.deepEqual([insisted.asked.aborted, insisted.insisted.aborted], [true, true]);
});

test('nothing is closed before somebody asks', async (t) => {
  const { source, shutdown } = open();
  const closed: string[] = [];
  shutdown.closing('one', () => closed.push('one'));
  const finished = shutdown.finished();
  await new Promise(setImmediate);
  t.deepEqual(closed, []);
  source.emit('SIGTERM');
  await finished;
  t.deepEqual(closed, ['one']);
});

test('closings run in reverse, one after the other', async (t) => {
  const { shutdown } = open();
  const closed: string[] = [];
  for (const name of ['database', 'blobs', 'listener']) {
    shutdown.closing(name, async () => {
      closed.push(`${name} begins`);
      await new Promise(setImmediate);
      closed.push(`${name} ends`);
    });
  }
  shutdown.ask();
  await shutdown.finished();
  t.deepEqual(
    closed,
    ['listener', 'blobs', 'database'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('a closing that fails keeps no other from running, and no error is lost', async (t) => {
  const { shutdown } = open();
  const closed: string[] = [];
  shutdown.closing('first', () => closed.push('first'));
  shutdown.closing('second', () => Promise.reject(new Error('stuck')));
  shutdown.closing('third', () => {
    throw new Error('gone');
  });
  shutdown.ask();
  const error = await t.throwsAsync(shutdown.finished(), { instanceOf: AggregateError });
  t.deepEqual(closed, ['first']);
  const errors = error.errors as Error[];
  t.deepEqual(
    errors.map(({ message }) => message),
    ['closing third failed', 'closing second failed'],
  );
  t.deepEqual(
    errors.map(({ cause }) => (cause as Error).message),
    ['gone', 'stuck'],
  );
});

test('afterwards nothing listens for signals any more', async (t) => {
  const { source, shutdown } = open();
  t.deepEqual(source.eventNames(), ['SIGTERM', 'SIGINT', 'SIGHUP']);
  shutdown.ask();
  await shutdown.finished();
  t.deepEqual(source.eventNames(), []);
});

test('signals are heard while things are being closed: the second one insists', async (t) => {
  const { source, shutdown } = open();
  let release: (() => void) | undefined;
  shutdown.insisted.addEventListener('abort', () => release?.());
  shutdown.closing('patient', () => new Promise<void>((resolve) => (release = resolve)));
  source.emit('SIGTERM');
  const finished = shutdown.finished();
  await new Promise(setImmediate);
  source.emit('SIGTERM');
  await t.notThrowsAsync(finished);
});
