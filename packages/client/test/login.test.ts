import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { type Asked, clientOf, json, listen } from './listen.ts';

const ID = '3c75df3c485047cf988ac3f0dfed4262';
const TASK = { task: { id: ID, image: 'x' }, status: 'OK' };

test('nothing is sent before the first call, and many calls at once log in once', async (t) => {
  const asked: Asked[] = [];
  const server = await listen(t, (request, response) => {
    asked.push(request);
    json(response, request.path.startsWith('/task') ? TASK : { status: 'OK' });
  });
  const client = clientOf(t, { server, username: 'u', password: 'p' });
  t.is(asked.length, 0);
  await Promise.all([client.showTask(ID), client.showTask(ID), client.showTask(ID)]);
  t.is(asked.filter(({ path }) => path === '/login/').length, 1);
});

test('with a token there is no login, only a header', async (t) => {
  const asked: Asked[] = [];
  const server = await listen(t, (request, response) => {
    asked.push(request);
    json(response, TASK);
  });
  await clientOf(t, { server, username: 'u', password: 'p', token: 'secret' }).showTask(ID);
  t.is(asked.length, 1);
  t.is(asked[0]?.headers.authorization, 'Bearer secret');
  t.is(asked[0]?.headers.cookie, undefined);
});

test('a token that is refused is not tried again', async (t) => {
  let asked = 0;
  const server = await listen(t, (_request, response) => {
    asked += 1;
    json(response, { message: 'The token has expired.', code: 'not-logged-in', status: 'FAIL' }, 403);
  });
  const error = await t.throwsAsync(clientOf(t, { server, token: 'x' }).showTask(ID), { instanceOf: GridError });
  t.deepEqual([asked, error.exit, error.message], [1, 3, 'The token has expired.']);
});

test('a wrong password is one sentence, and the next call tries again', async (t) => {
  let logins = 0;
  const server = await listen(t, ({ path }, response) => {
    if (path === '/login/') logins += 1;
    json(response, { status: path === '/login/' ? 'FAIL' : 'OK' });
  });
  const client = clientOf(t, { server, username: 'u', password: 'hunter2' });
  for (const nth of [1, 2]) {
    const error = await t.throwsAsync(client.showTask(ID), { instanceOf: GridError });
    t.is(error.code, 'wrong-password');
    t.notRegex(error.message, /hunter2/);
    t.is(logins, nth);
  }
});

test('what is refused for good is refused after one more login, not for ever', async (t) => {
  let logins = 0;
  const server = await listen(t, ({ path }, response) => {
    if (path === '/login/') logins += 1;
    if (path.startsWith('/task')) response.writeHead(403).end();
    else json(response, { status: 'OK' });
  });
  const error = await t.throwsAsync(clientOf(t, { server, username: 'u', password: 'p' }).showTask(ID), {
    instanceOf: GridError,
  });
  t.deepEqual([error.exit, logins], [3, 2]);
});

test('a permission that is missing is no reason to log in again', async (t) => {
  let logins = 0;
  const server = await listen(t, ({ path }, response) => {
    if (path === '/login/') logins += 1;
    if (path.startsWith('/task')) json(response, { code: 'not-permitted', message: 'no', status: 'FAIL' }, 403);
    else json(response, { status: 'OK' });
  });
  await t.throwsAsync(clientOf(t, { server, username: 'u', password: 'p' }).showTask(ID), { message: 'no' });
  t.is(logins, 1);
});

test('cookies are kept by name, replaced and deleted as the server says', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = await listen(t, ({ path, headers }, response) => {
    seen.push(headers.cookie);
    if (path === '/logout/') response.setHeader('set-cookie', ['csrftoken=a=b; Path=/', 'old=1', ' spaced="q" ; X']);
    if (path === '/login/') response.setHeader('set-cookie', ['csrftoken=c', 'sessionid=d', 'old=; Max-Age=0']);
    json(response, path.startsWith('/task') ? TASK : { status: 'OK' });
  });
  await clientOf(t, { server, username: 'u', password: 'p' }).showTask(ID);
  t.deepEqual(seen, [undefined, 'csrftoken=a=b; old=1; spaced=q', 'csrftoken=c; spaced=q; sessionid=d']);
});

test('without name, password and token nothing is sent', async (t) => {
  const server = await listen(t, () => t.fail());
  const error = await t.throwsAsync(clientOf(t, { server }).showTask(ID), { instanceOf: GridError });
  t.is(error.code, 'not-logged-in');
});
