import { readFile } from 'node:fs/promises';
import test from 'ava';
import { type Place, withStore } from '../../src/accounts/place.ts';
import { deleteSessionsOf } from '../../src/database/logins.ts';
import { changeUser, findUser } from '../../src/database/users.ts';
import { hashPassword } from '../../src/passwords.ts';
import { cookieOf, logIn } from '../log-in.ts';
import { openScene, PASSWORDS, send } from '../server-scene.ts';

test('a session begins with the dance of the original', async (t) => {
  const scene = await openScene(t);
  const { answer, first, csrf, session, headers } = await logIn(scene, 'client', PASSWORDS.client);
  t.deepEqual(answer.json, { status: 'OK' });
  t.regex(first, /^[A-Za-z0-9]{64}$/);
  t.regex(csrf ?? '', /^[A-Za-z0-9]{64}$/);
  t.not(csrf, first);
  t.regex(session ?? '', /^[a-z0-9]{32}$/);
  const cookies = answer.headers.getSetCookie().join('\n');
  t.regex(cookies, /csrftoken=.*Max-Age=31449600; Path=\/.*SameSite=Lax/);
  t.regex(cookies, /sessionid=.*Max-Age=1209600; Path=\/.*HttpOnly; SameSite=Lax/);
  const settings = await send(`${scene.url()}/settings/`, { headers });
  t.deepEqual(settings.json, { blob_hash_algorithm: 'sha256', limits: {}, status: 'OK' });
});

test('a wrong password and an unknown name are answered with 200 and FAIL', async (t) => {
  const scene = await openScene(t);
  for (const [name, password] of [
    ['client', 'wrong'],
    ['nemo', 'wrong'],
  ] as const) {
    const { answer, session } = await logIn(scene, name, password);
    t.is(answer.status, 200);
    t.like(answer.json, { code: 'wrong-password', status: 'FAIL' });
    t.is(session, undefined);
  }
});

test('a session that changes something must send its csrftoken back', async (t) => {
  const scene = await openScene(t);
  const { headers } = await logIn(scene, 'client', PASSWORDS.client);
  const at = `${scene.url()}/blob/reference/`;
  t.is((await send(at, { headers, body: 'x' })).status, 200);
  const { cookie } = headers;
  t.like((await send(at, { headers: { cookie }, body: 'x' })).json, { code: 'csrf-missing' });
  t.is((await send(at, { headers: { cookie, 'x-csrftoken': 'a'.repeat(64) }, body: 'x' })).status, 403);
  t.is((await send(`${scene.url()}/login/`, { body: 'username=client' })).status, 403);
});

test('after logging out the session is worth nothing', async (t) => {
  const scene = await openScene(t);
  for (const method of ['GET', 'POST']) {
    const { headers } = await logIn(scene, 'client', PASSWORDS.client);
    t.deepEqual((await send(`${scene.url()}/logout/`, { method, headers })).json, { status: 'OK' });
    t.is((await send(`${scene.url()}/settings/`, { headers })).status, 403);
  }
});

test('regression: a login under way while the password is changed begins no session with the old one', async (t) => {
  const scene = await openScene(t);
  const logins = Array.from({ length: 4 }, () => logIn(scene, 'client', PASSWORDS.client));
  const password = await hashPassword('another');
  await withStore(scene.place, (store) =>
    store.write(async (db) => {
      const id = (await findUser(db, 'client'))?.id as number;
      await changeUser(db, id, { password });
      await deleteSessionsOf(db, id);
    }),
  );
  for (const { headers } of await Promise.all(logins)) {
    t.is((await send(`${scene.url()}/settings/`, { headers })).status, 403);
  }
});

test('a session that was known before the login ends with it', async (t) => {
  const scene = await openScene(t);
  const { headers } = await logIn(scene, 'client', PASSWORDS.client);
  const again = await send(`${scene.url()}/login/`, {
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: `username=client&password=${PASSWORDS.client}`,
  });
  t.truthy(cookieOf(again, 'sessionid'));
  t.is((await send(`${scene.url()}/settings/`, { headers })).status, 403);
});

test('a token stands for its user; a wrong one for nobody', async (t) => {
  const { as, url, authorization } = await openScene(t);
  t.is((await as('nobody', '/settings/')).status, 200);
  t.is((await as('nobody', '/blob/reference/', { body: 'x' })).status, 403);
  const { authorization: header } = authorization('client');
  const wrong = await send(`${url()}/settings/`, { headers: { authorization: `${header}x` } });
  t.is(wrong.status, 403);
  t.is(wrong.json['code'], 'not-logged-in');
});

/** Every byte of the SQLite file, or every row of the PostgreSQL database. */
async function everythingIn(place: Place): Promise<string> {
  if (place.database === undefined) return (await readFile(`${place.data}/kolejka.sqlite`)).toString('latin1');
  const row = await withStore(place, (store) =>
    store.read((db) => db.get<{ rows: string }>(`select schema_to_xml('public', true, false, '')::text as rows`)),
  );
  return row?.rows ?? '';
}

test('the database has neither passwords nor tokens nor sessions in it', async (t) => {
  const scene = await openScene(t);
  const { session } = await logIn(scene, 'client', PASSWORDS.client);
  await scene.close();
  const content = await everythingIn(scene.place);
  const token = scene.authorization('client').authorization.slice('Bearer '.length);
  for (const secret of [PASSWORDS.client, token, session ?? '']) {
    t.true(secret.length > 8);
    t.false(content.includes(secret));
  }
  t.true(content.includes('client@example.org'));
});

test('every answer has the headers of the original', async (t) => {
  const { url } = await openScene(t);
  for (const at of ['/', '/settings/', '/nope/', '/login/']) {
    const { headers } = await send(url() + at);
    t.is(headers.get('x-frame-options'), 'DENY', at);
    t.is(headers.get('x-content-type-options'), 'nosniff', at);
    t.is(headers.get('referrer-policy'), 'same-origin', at);
  }
});

test('index and health answer anyone', async (t) => {
  const { url } = await openScene(t);
  const index = await send(`${url()}/`);
  t.is(index.text, 'INDEX');
  t.truthy(cookieOf(index, 'csrftoken'));
  for (const at of ['/health/live/', '/health/ready/', '/login/']) t.is((await send(url() + at)).json['status'], 'OK');
});
