import test from 'ava';
import { openScene, PASSWORDS, type Scene, type SceneOptions, send } from '../server-scene.ts';
import { heldClock } from '../queue-scene.ts';

const csrf = 'a'.repeat(64);

function logIn({ url }: Scene, username: string, password: string, address?: string) {
  const from = address === undefined ? {} : { 'x-forwarded-for': address };
  const headers = { 'x-csrftoken': csrf, cookie: `csrftoken=${csrf}`, ...from };
  return send(`${url()}/login/`, { json: { username, password }, headers });
}

const BEHIND: SceneOptions = {
  settings: { trusted_proxies: ['127.0.0.1'], login_attempts: 3, login_attempts_of_address: 6 },
};

test('after some wrong passwords the address waits, with the right one too; the user elsewhere does not', async (t) => {
  const clock = heldClock();
  const scene = await openScene(t, { ...BEHIND, clock });
  for (let times = 0; times < 3; times += 1) {
    t.like(await logIn(scene, 'client', 'wrong', '10.0.0.1'), { status: 200, json: { code: 'wrong-password' } });
  }
  const refused = await logIn(scene, 'client', PASSWORDS.client, '10.0.0.1');
  t.like(refused, { status: 429, json: { code: 'too-many-requests', status: 'FAIL' } });
  t.is(refused.headers.get('retry-after'), '300');
  t.is((await logIn(scene, 'client', PASSWORDS.client, '10.0.0.2')).json['status'], 'OK');
  t.is((await logIn(scene, 'foreman', PASSWORDS.foreman, '10.0.0.1')).json['status'], 'OK');
  clock.move(301_000);
  t.is((await logIn(scene, 'client', PASSWORDS.client, '10.0.0.1')).json['status'], 'OK');
});

test('an address that makes up names waits with all of them', async (t) => {
  const scene = await openScene(t, BEHIND);
  for (let times = 0; times < 6; times += 1) await logIn(scene, `name${times}`, 'wrong', '10.0.0.1');
  t.is((await logIn(scene, 'client', PASSWORDS.client, '10.0.0.1')).status, 429);
  t.is((await logIn(scene, 'client', PASSWORDS.client, '10.0.0.2')).status, 200);
});

test('an address that nobody vouches for is not believed', async (t) => {
  const scene = await openScene(t, { settings: { login_attempts: 3 } });
  for (let times = 0; times < 3; times += 1) await logIn(scene, 'client', 'wrong', `10.0.0.${times}`);
  t.is((await logIn(scene, 'client', PASSWORDS.client, '10.0.0.9')).status, 429);
});

test('guesses that are sent all at once get no further than those sent one after the other', async (t) => {
  const scene = await openScene(t, { settings: { login_attempts: 3 } });
  const guesses = Array.from({ length: 40 }, () => logIn(scene, 'client', 'wrong'));
  const answers = (await Promise.all(guesses)).map(({ status }) => status);
  // Two are looked at at a time: so many more than three may have begun.
  t.true(answers.filter((status) => status === 200).length <= 5, answers.join());
  t.is((await logIn(scene, 'client', PASSWORDS.client)).status, 429);
});

test('who logs in for every task, as foremen of the original do, never waits', async (t) => {
  const scene = await openScene(t, { settings: { login_attempts: 3, login_attempts_of_address: 3 } });
  const logins = Array.from({ length: 40 }, () => logIn(scene, 'foreman', PASSWORDS.foreman));
  for (const { json } of await Promise.all(logins)) t.is(json['status'], 'OK');
});
