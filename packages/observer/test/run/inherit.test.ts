import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { GridError } from '@kolejka/protocol';
import { inherit } from '../../src/run/inherit.ts';

const whenRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** What a child would have from us. */
const own = () => ({
  directory: process.cwd(),
  root: path.resolve('/'),
  umask: process.umask(),
  ids: [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()],
  groups: process.getgroups?.(),
});

whenRoot('what was taken on for a child is taken off, also when it cannot be started', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-inherit-'));
  t.teardown(() => rmdirSync(directory));
  const before = own();
  const asked = { root: directory, umask: 0o77, identity: { uid: 12_345, gid: 54_321, groups: [7, 8] } };
  const during = await inherit(asked, own);
  t.deepEqual(during.ids, [12_345, 12_345, 54_321, 54_321]);
  t.deepEqual([during.umask, during.groups?.includes(7)], [0o77, true]);
  t.deepEqual(own(), before);
  await t.throwsAsync(
    inherit(asked, () => {
      throw new Error('no memory');
    }),
    { message: 'no memory' },
  );
  t.deepEqual(own(), before);
});

test.serial('only root runs a program in another root or as somebody else', async (t) => {
  const uid = process.getuid?.() ?? 0;
  t.teardown(() => {
    process.getuid = () => uid;
  });
  process.getuid = () => 1000;
  const never = () => t.fail();
  const identity = { uid: 1000, gid: 1000 };
  for (const asked of [
    { root: '/' },
    { identity: { ...identity, uid: 0 } },
    { identity: { ...identity, groups: [1] } },
  ]) {
    const error = await t.throwsAsync(inherit(asked, never), { instanceOf: GridError });
    t.is(error.code, 'usage');
  }
  t.deepEqual(await inherit({ identity }, (rest) => rest), identity, 'itself it may be');
});
