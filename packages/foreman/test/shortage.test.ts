import test from 'ava';
import { findShortage, LEAST, type Looks } from '../src/shortage.ts';

const PLENTY: Looks = { disk: () => ({ bytes: 1e12, files: 1e6 }), memory: () => 1e10 };

test('a node that has enough takes tasks, and so does one that cannot say', (t) => {
  t.is(findShortage(['/a', '/b'], PLENTY), undefined);
  t.is(findShortage(['/none'], { disk: () => undefined, memory: () => undefined }), undefined);
});

const SHORT = [
  [
    'bytes on one disk',
    { disk: (at) => ({ bytes: at === '/b' ? LEAST.diskBytes - 1 : 1e12, files: 1e6 }) },
    /disk of \/b has 2047 MiB left: make room/,
  ],
  ['files on a disk', { disk: () => ({ bytes: 1e12, files: 5 }) }, /disk of \/a has 5 files left/],
  ['memory', { memory: () => 100 * 1024 ** 2 }, /has 100 MiB of memory left, below 256/],
] as const satisfies [string, Partial<Looks>, RegExp][];
for (const [what, looks, sentence] of SHORT) {
  test(`a node that is short of ${what} takes none, and says what to do`, (t) => {
    const found = findShortage(['/a', '/b'], { ...PLENTY, ...looks });
    t.is(found?.code, 'node-unfit');
    t.regex(found?.message ?? '', sentence);
  });
}

test('this machine can say', (t) => {
  t.notThrows(() => findShortage(['/']));
});
