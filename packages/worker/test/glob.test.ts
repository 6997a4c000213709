import test from 'ava';
import { matchesGlob, parseGlob } from '../src/glob.ts';

const matches = (glob: string, path: string) => matchesGlob(parseGlob(glob), path.split('/'));

const CASES: readonly (readonly [glob: string, path: string, matches: boolean])[] = [
  ['a.txt', 'a.txt', true],
  ['a.txt', 'b/a.txt', false],
  ['*.txt', 'a.txt', true],
  ['*.txt', 'b/a.txt', false],
  ['*.txt', '.a.txt', false],
  ['.*', '.a.txt', true],
  ['*', 'a', true],
  ['*a*b*', 'xxaxxbxx', true],
  ['*a*b*', 'xxbxxaxx', false],
  ['?.c', 'x.c', true],
  ['?.c', 'xy.c', false],
  ['?', 'ł', true],
  ['[ab].c', 'b.c', true],
  ['[!ab].c', 'b.c', false],
  ['[a-c]x', 'bx', true],
  ['[]]x', ']x', true],
  ['[x', '[x', true],
  ['**', 'a', true],
  ['**', 'a/b/c', true],
  ['**/*.txt', 'a.txt', true],
  ['**/*.txt', 'a/b/c.txt', true],
  ['**/*.txt', 'a/.b/c.txt', false],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/c/z', true],
  ['a/**/z', 'b/z', false],
  ['a/**', 'a/b', true],
  ['**/**/**/x', 'x', true],
  ['a**b', 'axxb', true],
];

for (const [glob, path, expected] of CASES) {
  test(`${glob} ${expected ? 'matches' : 'does not match'} ${path}`, (t) => t.is(matches(glob, path), expected));
}

test('hostile input 24: a glob of many stars takes a time that only grows with its length', (t) => {
  const glob = parseGlob(Array.from({ length: 200 }, () => '**').join('/') + `/${'*a'.repeat(100)}b`);
  const names = [...Array.from({ length: 100 }, () => 'd'), 'a'.repeat(255)];
  for (let round = 0; round < 100; round += 1) t.false(matchesGlob(glob, names));
});
