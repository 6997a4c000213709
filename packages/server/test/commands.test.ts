import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { addUser } from '../src/accounts.ts';
import { logIn } from './log-in.ts';
import { run, runWith, temporary } from './program.ts';
import { heldClock } from './queue-scene.ts';
import { openScene, PASSWORDS, send } from './server-scene.ts';

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

test('lstask prints identifiers, the newest first, and what is asked for', async (t) => {
  // Many commands start here, one after the other: no lease may run out meanwhile.
  const { data, put, take, as } = await openScene(t, { clock: heldClock() });
  const ids = [await put('client'), await put('client'), await put('other', { priority: -1 })];
  await take('foreman', 'f');
  await as('foreman', '/task/result/', { json: { id: ids[0], attempt: 1, result: 0 } });
  await take('foreman', 'f');
  const listed = async (...args: string[]) => {
    const { exit, stdout } = await run('lstask', '--data', data, ...args);
    t.is(exit, 0);
    return lines(stdout);
  };
  t.deepEqual(await listed(), ids.toReversed());
  t.deepEqual(await listed('--assigned', 'True'), [ids[1], ids[0]]);
  t.deepEqual(await listed('--assigned', 'no'), [ids[2]]);
  t.deepEqual(await listed('--assigned', '1', '--resolved', '0'), [ids[1]]);
  t.deepEqual(await listed('--resolved', 'yes'), [ids[0]]);
  t.deepEqual(await listed('--state', 'pending', '--user', 'other'), [ids[2]]);
  const [task] = (await listed('--json', '--state', 'assigned')).map((line) => JSON.parse(line) as unknown);
  t.like(task, { id: ids[1], state: 'assigned', owner: 'client', foreman: 'f' });
});

test('rmtask removes tasks beside a running server, and passes over what is not there', async (t) => {
  const { data, put, take, as } = await openScene(t);
  const [one, other] = [await put('client'), await put('client')];
  await take('foreman', 'f');
  const { exit, stdout } = await run('rmtask', one, '0'.repeat(32), 'nonsense', one, '--data', data);
  t.deepEqual([exit, stdout], [0, 'Successfully deleted 1 tasks\n']);
  t.is((await as('client', `/task/task/${one}/`)).status, 404);
  t.is((await as('client', `/task/task/${other}/`)).status, 200);
  const { json } = await as('foreman', '/queue/heartbeat/', {
    json: { foreman: 'f', tasks: [{ task: one, attempt: 1 }] },
  });
  t.like(json['tasks'], [{ verdict: 'kill' }]);
  t.deepEqual(await run('rmtask', one, '--data', data), { exit: 0, stdout: '', stderr: '' });
});

test('unassign lets old tasks wait again, and a foreman that waits gets them', async (t) => {
  const { data, put, take, as } = await openScene(t);
  const id = await put('client');
  await take('foreman');
  t.is((await run('unassign', '1H', '--data', data)).stdout, '');
  const waiting = as('second', '/queue/dequeue/', { json: { foreman: 's', wait: 60 } });
  await sleep(50);
  t.is((await run('unassign', '0', '--data', data)).stdout, 'Successfully unassigned 1 tasks\n');
  t.like((await waiting).json['tasks'], [{ id }]);
  t.is((await as('foreman', '/task/result/', { json: { id, result: 0 } })).status, 403);
  t.is((await run('unassign', '5h', '--data', data)).exit, 2);
});

test('regression: unassign lets go of more tasks than go into one small write', async (t) => {
  const { data, put, as } = await openScene(t);
  const ids = await Promise.all(Array.from({ length: 120 }, () => put('client')));
  await as('foreman', '/queue/dequeue/', { json: { concurency: ids.length } });
  t.is((await run('unassign', '0', '--data', data)).stdout, 'Successfully unassigned 120 tasks\n');
  t.like((await as('client', '/queue/stats/')).json, { task_assigned_count: 0, task_unassigned_count: 120 });
});

test('passwd changes the password and ends the sessions of the user, tokens stay', async (t) => {
  const scene = await openScene(t);
  const { data, url, as } = scene;
  const { headers } = await logIn(scene, 'client', PASSWORDS.client);
  t.is((await send(`${url()}/settings/`, { headers })).status, 200);
  const changed = await runWith('new password\nnot read', 'passwd', 'client', '--data', data);
  t.deepEqual([changed.exit, changed.stdout], [0, 'changed the password of client\n']);
  t.is((await send(`${url()}/settings/`, { headers })).status, 403);
  t.is((await as('client', '/settings/')).status, 200);
  t.is((await logIn(scene, 'client', PASSWORDS.client)).answer.json['code'], 'wrong-password');
  t.is((await logIn(scene, 'client', 'new password')).answer.json['status'], 'OK');
  t.is((await run('passwd', 'nemo', 'x', '--data', data)).exit, 4);
  const none = await runWith('', 'passwd', 'client', '--data', data);
  t.is(none.exit, 2);
  t.regex(none.stderr, /There is no password/);
});

test('a disabled user is nobody at once, and comes back when enabled', async (t) => {
  const scene = await openScene(t);
  const { data, url, as, put } = scene;
  const id = await put('client');
  const { headers } = await logIn(scene, 'client', PASSWORDS.client);
  t.is((await run('user', 'disable', 'client', '--data', data)).stdout, 'disabled client\n');
  t.is((await as('client', '/settings/')).status, 403);
  t.is((await send(`${url()}/settings/`, { headers })).status, 403);
  t.is((await logIn(scene, 'client', PASSWORDS.client)).answer.json['code'], 'wrong-password');
  t.is((await as('inspector', `/task/task/${id}/`)).status, 200);
  t.is((await run('user', 'enable', 'client', '--data', data)).exit, 0);
  t.is((await as('client', `/task/task/${id}/`)).status, 200);
  t.is((await send(`${url()}/settings/`, { headers })).status, 403);
  t.is((await run('user', 'disable', 'nemo', '--data', data)).exit, 4);
});

test('regression: a foreman that waits when its user is disabled gets no task', async (t) => {
  const { data, as, put, take } = await openScene(t);
  const waiting = as('foreman', '/queue/dequeue/', { json: { foreman: 'f', wait: 60 } });
  await as('inspector', '/settings/');
  t.is((await run('user', 'disable', 'foreman', '--data', data)).exit, 0);
  const id = await put('client');
  t.like(await waiting, { status: 403 });
  t.is((await take('second', 's'))?.task, id);
});

test('regression: a user may be given a quota of bytes, and have it taken back', async (t) => {
  const { data, as, upload } = await openScene(t, { settings: { quota_bytes: 1000 } });
  const quota = (bytes: string) => run('user', 'quota', 'client', '--bytes', bytes, '--data', data);
  const known = async () =>
    lines((await run('user', 'list', '--json', '--data', data)).stdout)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find(({ name }) => name === 'client');
  await upload('client', 'abc');
  t.is((await quota('2K')).stdout, 'changed the quotas of client\n');
  t.like(await known(), { quota_bytes: 2048, used_bytes: 3, quota_pending: null });
  t.is((await quota('3')).exit, 0);
  t.is((await as('client', '/blob/reference/', { body: 'd' })).status, 413);
  t.is((await quota('usual')).exit, 0);
  t.is((await as('client', '/blob/reference/', { body: 'd' })).status, 200);
  t.like(await known(), { quota_bytes: null, used_bytes: 4 });
  for (const bad of ['-1', 'many', '']) t.is((await quota(bad)).exit, 2, bad);
});

test('users are listed without their passwords', async (t) => {
  const data = await temporary(t);
  await addUser({ data }, { name: 'kim', password: 'secret', email: 'kim@x', groups: ['clients', 'managers'] });
  const { stdout } = await run('user', 'list', '--data', data, '--json');
  const user = JSON.parse(stdout) as Record<string, unknown>;
  t.like(user, { name: 'kim', email: 'kim@x', groups: ['clients', 'managers'], disabled: false });
  t.false(stdout.includes('argon2'));
  t.regex((await run('user', 'list', '--data', data)).stdout, /^name +groups .*\nkim +clients,managers +kim@x/);
});

test('tokens are listed with their last use, and taken back', async (t) => {
  const { data, url, as } = await openScene(t);
  await as('client', '/settings/');
  const token = (
    await run('token', 'create', 'client', '--label', 'laptop', '--days', '1', '--data', data)
  ).stdout.trim();
  const bearer = { headers: { authorization: `Bearer ${token}` } };
  t.is((await send(`${url()}/settings/`, bearer)).status, 200);
  const list = async () =>
    lines((await run('token', 'list', 'client', '--data', data, '--json')).stdout).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
  const [first, second] = await list();
  t.like(first, { user: 'client', label: '', time_expire: null });
  t.truthy(first?.['time_use']);
  t.like(second, { user: 'client', label: 'laptop' });
  t.is(Date.parse(String(second?.['time_expire'])) - Date.parse(String(second?.['time_create'])), 86_400_000);
  t.truthy(second?.['time_use']);
  t.false(JSON.stringify(await list()).includes(token));
  t.is((await run('token', 'revoke', 'client', '--data', data)).exit, 2);
  t.is((await run('token', 'revoke', 'client', '--label', 'phone', '--data', data)).exit, 4);
  const revoked = await run('token', 'revoke', 'client', '--id', String(second?.['id']), '--data', data);
  t.is(revoked.stdout, 'revoked 1 token of client\n');
  t.is((await send(`${url()}/settings/`, bearer)).status, 403);
  t.is((await as('client', '/settings/')).status, 200);
  t.is((await run('token', 'revoke', 'client', '--all', '--data', data)).exit, 0);
  t.is((await as('client', '/settings/')).status, 403);
});

test('hostile input 60: what a terminal would act on is written out in lists', async (t) => {
  const data = await temporary(t);
  await addUser({ data }, { name: 'kim', password: 'x', email: '\x1b[2J\nfake  line@x', groups: [] });
  await run('token', 'create', 'kim', '--label', '\x1b]0;title\x07', '--data', data);
  for (const noun of ['user', 'token']) {
    const { stdout } = await run(noun, 'list', '--data', data);
    t.notRegex(stdout, /[^\P{Cc}\n]/u, noun);
    t.is(lines(stdout).length, 2);
    t.regex(stdout, /\\x1b/);
  }
});

test('gc says what it removed', async (t) => {
  const { data, upload, as } = await openScene(t);
  const key = await upload('client', 'hello');
  await as('client', `/blob/reference/${key}/`, { method: 'DELETE' });
  const { exit, stdout } = await run('gc', '--data', data, '--json');
  t.is(exit, 0);
  // It was given up a moment ago, and is kept for the time of grace.
  t.like(JSON.parse(stdout), { condemned: 0, removed: 0, bytes: 0 });
});

test('check names what is wrong with the store, and repairs it', async (t) => {
  const { data, upload, as } = await openScene(t);
  const key = await upload('client', 'hello');
  t.deepEqual(await run('check', '--hashes', '--data', data), { exit: 0, stdout: '', stderr: '' });
  const stray = 'a'.repeat(64);
  await writeFile(path.join(data, 'blobs', 'aa', stray), 'nobody knows me');
  const found = await run('check', '--data', data);
  t.deepEqual([found.exit, found.stdout], [1, `file without row ${stray}\n`]);
  t.regex(found.stderr, /^kolejka-server: 1 things are wrong .*\n$/);
  const repaired = await run('check', '--repair', '--json', '--data', data);
  t.is(repaired.exit, 0);
  t.like(JSON.parse(repaired.stdout), { finding: 'file without row', about: stray, repaired: true });
  t.is((await run('check', '--data', data)).stdout, '');

  const { json } = await as('client', `/blob/reference/${key}/`, { method: 'PUT' });
  const { blob } = json['reference'] as { blob: string };
  await writeFile(path.join(data, 'blobs', blob.slice(0, 2), blob), 'hullo');
  t.is((await run('check', '--data', data)).exit, 0);
  // What somebody has lost is not mended by putting it aside.
  const damaged = await run('check', '--hashes', '--repair', '--data', data);
  t.deepEqual([damaged.exit, damaged.stdout], [1, `wrong hash ${blob} in use repaired\n`]);
  await upload('client', 'hello');
  t.is((await run('check', '--hashes', '--data', data)).exit, 0);
});
