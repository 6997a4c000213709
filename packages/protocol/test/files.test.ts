import test from 'ava';
import { GridError } from '../src/errors.ts';
import { MOST_FILES, parseFiles } from '../src/files.ts';

test('a file cannot be a directory of another file', (t) => {
  const error = t.throws(() => parseFiles({ 'a-b': 'x', 'a/b/c': 'x', a: 'x' }), { instanceOf: GridError });
  t.is(error?.field, 'files.a/b/c');
  t.is(error?.message, 'files.a/b/c: "a" is a file, not a directory');
});

test('names that only begin alike are files beside each other', (t) => {
  const files = parseFiles({ a: 'x', ab: 'x', 'a-b': 'x', 'a.b/c': 'x', 'ab c/a': 'x' });
  t.is(Object.keys(files).length, 5);
});

test('regression: a result has no more files than a worker collects; that is said before they are looked at', (t) => {
  const files = Object.fromEntries(Array.from({ length: MOST_FILES + 1 }, (_, index) => [`../${index}`, 'x']));
  const error = t.throws(() => parseFiles(files), { instanceOf: GridError });
  t.is(error?.message, 'files: 50001 files, at most 50000 are possible');
});
