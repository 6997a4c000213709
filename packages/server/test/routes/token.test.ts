import test from 'ava';
import { openScene, send } from '../server-scene.ts';

const json = (body: unknown) => ({ json: body });

test('a user makes tokens, sees what they are for, and takes them back', async (t) => {
  const { as, url } = await openScene(t);
  const made = (await as('client', '/account/token/', json({ label: 'laptop', days: 2 }))).json;
  const about = made['about'] as { id: number; time_create: string; time_expire: string };
  t.like(about, { label: 'laptop', time_use: null });
  t.is(Date.parse(about.time_expire) - Date.parse(about.time_create), 2 * 86_400_000);
  const bearer = { headers: { authorization: `Bearer ${String(made['token'])}` } };
  t.is((await send(`${url()}/settings/`, bearer)).status, 200);
  const { text } = await as('client', '/account/token/');
  t.true(text.includes('laptop'));
  t.false(text.includes(String(made['token'])));
  t.is((await as('client', `/account/token/${about.id}/`, { method: 'DELETE' })).status, 200);
  t.is((await send(`${url()}/settings/`, bearer)).status, 403);
  t.is((await as('client', `/account/token/${about.id}/`, { method: 'DELETE' })).status, 404);
});

test('nobody sees or takes back tokens of others', async (t) => {
  const { as, url } = await openScene(t);
  const { about } = (await as('client', '/account/token/', json({ label: 'mine' }))).json as { about: { id: number } };
  for (const name of ['other', 'admin'] as const) {
    t.false((await as(name, '/account/token/')).text.includes('mine'), name);
    t.is((await as(name, `/account/token/${about.id}/`, { method: 'DELETE' })).status, 404, name);
  }
  t.is((await send(`${url()}/account/token/`)).status, 403);
});

test('bad wishes for tokens are refused with the field', async (t) => {
  const { as } = await openScene(t);
  for (const [body, field] of [
    [{ days: 0 }, 'days'],
    [{ days: '1' }, 'days'],
    [{ days: 1e9 }, 'days'],
    [{ label: 5 }, 'label'],
    [{ label: 'x'.repeat(101) }, 'label'],
  ] as const) {
    const answer = await as('client', '/account/token/', json(body));
    t.deepEqual([answer.status, answer.json['field']], [400, field], JSON.stringify(body));
  }
  t.is((await as('client', '/account/token/x/', { method: 'DELETE' })).status, 400);
});

test('a user has two hundred tokens at most', async (t) => {
  const { as } = await openScene(t);
  const answers = await Promise.all(Array.from({ length: 210 }, () => as('client', '/account/token/', json({}))));
  t.is(answers.filter(({ status }) => status === 200).length, 199);
  t.is(answers.find(({ status }) => status !== 200)?.json['code'], 'quota-reached');
});
