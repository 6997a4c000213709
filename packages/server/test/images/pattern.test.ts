import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { mapName, matchPattern, parseNameMap, parsePattern, printPattern } from '../../src/images/pattern.ts';

for (const [pattern, name, stars] of [
  ['busybox', 'busybox', []],
  ['busybox', 'busybox:1', undefined],
  ['busybox', 'my/busybox', undefined],
  ['*', 'anything/at:all', ['anything/at:all']],
  ['*', '', ['']],
  ['kolejka/*', 'kolejka/gcc:12', ['gcc:12']],
  ['kolejka/*', 'evil/kolejka/gcc', undefined],
  ['*/gcc:*', 'a/b/gcc:12', ['a/b', '12']],
  ['*/gcc:*', 'a/b/g++:12', undefined],
  ['*ab*ab', 'abab', ['', '']],
  ['*ab*ab', 'ababab', ['', 'ab']],
  ['ab*ba', 'aba', undefined],
  ['a*a', 'a', undefined],
  ['**', 'ab', ['', 'ab']],
] as const) {
  test(`${pattern} and ${JSON.stringify(name)}: ${JSON.stringify(stars)}`, (t) => {
    const parsed = parsePattern(pattern, 'allowed_images');
    t.deepEqual(matchPattern(parsed, name), stars as string[] | undefined);
    t.is(printPattern(parsed), pattern);
  });
}

for (const text of ['', '.*', 'kolejka[:/].*', '(a+)+$', 'a b', 'a|b', String.raw`kolejka\1`, '^debian']) {
  test(`${JSON.stringify(text)} is no pattern: a regular expression would quietly match nothing`, (t) => {
    t.like(
      t.throws(() => parsePattern(text, 'allowed_images'), { instanceOf: GridError }),
      { code: 'bad-value', field: 'allowed_images' },
    );
  });
}

test('hostile input 61: a pattern that takes a regular expression ages is matched at once', (t) => {
  const pattern = parsePattern(`${'a*'.repeat(200)}b`, 'allowed_images');
  const began = performance.now();
  for (let round = 0; round < 100; round += 1) t.is(matchPattern(pattern, 'a'.repeat(500)), undefined);
  // Some milliseconds; a regular expression would be at it when the machine has turned to dust.
  t.true(performance.now() - began < 10_000);
});

test('maps are applied one after the other, each to a whole name', (t) => {
  const maps = ['debian => debian:12', 'debian:* => mirror.example.org/debian:*', '*:* => *'].map((map) =>
    parseNameMap(map, 'image_name_maps'),
  );
  t.is(mapName('debian', maps.slice(0, 2)), 'mirror.example.org/debian:12');
  t.is(mapName('my-debian', maps.slice(0, 2)), 'my-debian');
  t.is(mapName('debian', maps), 'mirror.example.org/debian');
});

test('what stars stand for goes to the stars of the other side in order', (t) => {
  t.is(mapName('gcc:12', [parseNameMap('*:* => *.example.org/gcc:*', 'image_name_maps')]), 'gcc.example.org/gcc:12');
});

for (const text of ['a', 'a => b => c', '=> b', 'a =>', 'a => *', '* => */*', 'a b => c']) {
  test(`${JSON.stringify(text)} is no map`, (t) => {
    t.is(t.throws(() => parseNameMap(text, 'image_name_maps'), { instanceOf: GridError }).field, 'image_name_maps');
  });
}
