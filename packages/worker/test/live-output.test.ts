import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { KEPT_BYTES, openLiveOutput, type OutputPiece } from '../src/live-output.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');

test('a listener hears all pieces in their order, and its own copy of them', async (t) => {
  const heard: string[] = [];
  const live = openLiveOutput(
    ({ stream, bytes, missedBytes }) => void heard.push(`${stream} ${bytes.toString()} ${missedBytes}`),
    (error) => t.fail(String(error)),
  );
  const bytes = Buffer.from('one');
  live.push('stdout', bytes);
  bytes.fill('-');
  live.push('stderr', Buffer.from('two'));
  await live.end();
  t.deepEqual(heard, ['stdout one 0', 'stderr two 0']);
});

test('a slow listener has one piece at a time, misses what is over the bound, and hears how much', async (t) => {
  const heard: OutputPiece[] = [];
  const gate = Promise.withResolvers<void>();
  const live = openLiveOutput(
    async (piece) => {
      heard.push(piece);
      await gate.promise;
    },
    (error) => t.fail(String(error)),
  );
  live.push('stdout', PIECE);
  await turn();
  t.is(heard.length, 1);
  const pushes = (3 * KEPT_BYTES) / PIECE.length;
  for (let push = 0; push < pushes; push += 1) live.push('stdout', PIECE);
  await turn();
  t.is(heard.length, 1, 'the next waits for the first');
  gate.resolve();
  await live.end();
  const bytes = heard.reduce((sum, piece) => sum + piece.bytes.length, 0);
  const missed = heard.reduce((sum, piece) => sum + piece.missedBytes, 0);
  t.is(bytes, PIECE.length + KEPT_BYTES);
  t.is(bytes + missed, (pushes + 1) * PIECE.length, 'all bytes are heard of');
});

test('a listener that never ends does not hold up the end for long', async (t) => {
  const live = openLiveOutput(
    () => new Promise(() => undefined),
    (error) => t.fail(String(error)),
  );
  live.push('stdout', PIECE);
  await live.end();
  t.pass();
});

test('a listener that throws hears nothing more, and what it threw is told once', async (t) => {
  const failed: unknown[] = [];
  let calls = 0;
  const live = openLiveOutput(
    () => {
      calls += 1;
      throw new Error('no ears');
    },
    (error) => failed.push(error),
  );
  for (let push = 0; push < 3; push += 1) live.push('stdout', PIECE);
  await live.end();
  live.push('stdout', PIECE);
  await live.end();
  t.is(calls, 1);
  t.is(String(failed), 'Error: no ears');
});
