import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { makeDirectory, requireRoot } from '../src/fitness.ts';

test('regression: whoever is not root is told so in one sentence', (t) => {
  const error = t.throws(() => requireRoot(1000), { instanceOf: GridError, code: 'node-unfit' });
  t.regex(error?.message ?? '', /as root\.$/);
  t.notThrows(() => requireRoot(0));
});

test('regression: a data directory that cannot be made is named in one sentence', async (t) => {
  await t.throwsAsync(makeDirectory('/dev/null/kolejka/logs'), {
    instanceOf: GridError,
    code: 'bad-config',
    message: 'The directory /dev/null/kolejka/logs cannot be made (EEXIST): choose another --data.',
  });
});
