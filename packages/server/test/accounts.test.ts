import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { addUser, createToken, ensureUser } from '../src/accounts.ts';
import { hashPassword, verifyPassword } from '../src/passwords.ts';
import { temporary } from './program.ts';
import { openScene, send } from './server-scene.ts';

const kim = { name: 'kim', password: 'secret', email: 'kim@x', groups: ['clients'] } as const;

test('a user is added once, and made sure of as often as one likes', async (t) => {
  const data = await temporary(t);
  t.true(await ensureUser({ data }, kim));
  t.false(await ensureUser({ data }, { ...kim, password: 'other' }));
  const error = await t.throwsAsync(addUser({ data }, kim), { instanceOf: GridError });
  t.is(error?.code, 'already-exists');
  for (const bad of [{ name: '' }, { name: 'a b' }, { password: '' }]) {
    t.is((await t.throwsAsync(addUser({ data }, { ...kim, ...bad }), { instanceOf: GridError }))?.code, 'bad-value');
  }
});

test('a token that replaces another takes it back; one that has expired is worth nothing', async (t) => {
  const { data, url } = await openScene(t);
  const status = async (token: string) =>
    (await send(`${url()}/settings/`, { headers: { authorization: `Bearer ${token}` } })).status;
  const first = await createToken({ data }, { name: 'client', label: 'up', replace: true });
  t.is(await status(first), 200);
  const second = await createToken({ data }, { name: 'client', label: 'up', replace: true });
  t.deepEqual([await status(first), await status(second)], [403, 200]);
  t.is(await status(await createToken({ data }, { name: 'client', days: -1 })), 403);
});

test('a password is recognised by its hash, which is another one each time', async (t) => {
  const [one, two] = [await hashPassword('pässword'), await hashPassword('pässword')];
  t.not(one, two);
  t.regex(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.true(await verifyPassword('pässword', one));
  t.false(await verifyPassword('password', one));
  t.false(await verifyPassword('pässword', undefined));
  t.false(await verifyPassword('', 'nonsense'));
});

test('many passwords at once do not keep anything else from running', async (t) => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  t.teardown(() => clearInterval(timer));
  const hash = await hashPassword('x');
  turns = 0;
  await Promise.all(Array.from({ length: 10 }, () => verifyPassword('x', hash)));
  t.true(turns > 10);
});
