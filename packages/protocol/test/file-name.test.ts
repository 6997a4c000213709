import { parseFileName } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import path from 'node:path';
import { fileNames } from './arbitraries.ts';
import { refusalOf } from './refusal.ts';

const GOOD = ['a', 'a/b/c.txt', '...', '.hidden', '-rf', ';rm -rf', 'a\nb', '"', '__proto__', 'ż'.repeat(127)];

for (const name of GOOD) {
  test(`hostile input 30: ${JSON.stringify(name.slice(0, 20))} is a file name`, (t) =>
    t.is(parseFileName(name, 'f'), name));
}

const BAD: unknown[] = [
  '',
  '.',
  '..',
  '/a',
  'a/',
  'a//b',
  './a',
  'a/./b',
  '../a',
  'a/../b',
  'a\0b',
  'ż'.repeat(128),
  'a/'.repeat(2100),
  '\ud800',
  null,
  1,
  ['a'],
];

for (const name of BAD) {
  test(`hostile input 23: ${JSON.stringify(name).slice(0, 20)} is refused as a file name`, (t) => {
    const refusal = refusalOf(() => parseFileName(name, 'files.x'));
    t.is(refusal?.field, 'files.x');
    t.true((refusal?.message.length ?? 0) < 300);
  });
}

test('names that go well are accepted', (t) => {
  fc.assert(fc.property(fileNames, (name) => t.is(parseFileName(name, 'f'), name)));
});

test('no accepted name leads out of the directory it is put in', (t) => {
  const parts = fc.array(fc.oneof(fc.constantFrom('..', '.', '', '...', 'a'), fc.string()), { maxLength: 6 });
  fc.assert(
    fc.property(parts, (some) => {
      const name = some.join('/');
      if (refusalOf(() => parseFileName(name, 'f')) !== undefined) return;
      t.is(path.posix.relative('/root/here', path.posix.join('/root/here', name)), name);
    }),
    { numRuns: 1000 },
  );
});
