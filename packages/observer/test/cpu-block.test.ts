import test from 'ava';
import { chooseFirst, type CpuBlock } from '../src/cpu-block.ts';

const ROWS: [title: string, count: number, offset: number | undefined, taken: CpuBlock[], first: number][] = [
  ['the first of an idle machine', 1, undefined, [], 0],
  ['the first that nobody has', 1, undefined, [[0, 1]], 1],
  [
    'a gap that is large enough',
    2,
    undefined,
    [
      [0, 1],
      [3, 1],
    ],
    1,
  ],
  [
    'where the fewest others are, when all have somebody',
    1,
    undefined,
    [
      [0, 4],
      [0, 1],
      [2, 2],
    ],
    1,
  ],
  ['all, when all are asked for', 4, undefined, [[0, 4]], 0],
  ['those that are asked for, whoever has them', 1, 0, [[0, 1]], 0],
  ['the last, when they are asked for', 2, 2, [], 2],
  ['others, when those that are asked for are not there', 2, 3, [[0, 2]], 2],
];
for (const [title, count, offset, taken, first] of ROWS) {
  test(`of four CPUs a session gets ${title}`, (t) => {
    t.is(chooseFirst({ available: 4, count, offset, taken }), first);
  });
}
