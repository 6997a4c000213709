import { PassThrough } from 'node:stream';
import test from 'ava';
import { openPullBar } from '../src/pull-bar.ts';

/** What a bar writes to a stream that is a terminal, or none. */
function shown(isTTY: boolean): string {
  const out = Object.assign(new PassThrough(), {
    isTTY,
    columns: 100,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  }) as unknown as NodeJS.WriteStream & PassThrough;
  const bar = openPullBar(out);
  for (const mebibytes of [0, 3, 8]) {
    bar.show({ image: 'box:1', loadedBytes: mebibytes * 1024 ** 2, totalBytes: 8 * 1024 ** 2 });
  }
  bar.close();
  bar.close();
  let text = '';
  for (let piece = out.read() as Buffer | null; piece !== null; piece = out.read() as Buffer | null) {
    text += piece.toString();
  }
  return text;
}

test('on a terminal a pull is a bar, and in a pipe it is nothing', (t) => {
  t.regex(shown(true), /pulling box:1 \[.*\] 8 of 8 MiB/);
  t.is(shown(false), '');
});
