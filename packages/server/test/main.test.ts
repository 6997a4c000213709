import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { run, runServer, temporary } from './program.ts';
import { send } from './server-scene.ts';

test('the server makes its directory, for its owner only, and ends with 0 on SIGTERM', async (t) => {
  const data = path.join(await temporary(t), 'new');
  const { url, end } = await runServer(t, data);
  t.is((await send(`${url}/health/ready/`)).status, 200);
  t.is((await stat(data)).mode & 0o777, 0o700);
  t.is(await end('SIGTERM'), 0);
  t.deepEqual((await readdir(data)).toSorted(), ['blobs', 'kolejka.sqlite', 'server.lock']);
});

test('users and tokens are added beside a running server', async (t) => {
  const data = await temporary(t);
  const { url } = await runServer(t, data);
  t.like(await run('adduser', 'kim', 'secret', '--email', 'kim@x', '--clients', '--data', data), {
    exit: 0,
    stdout: `added kim in ${data}\n`,
    stderr: '',
  });
  const { stdout, exit } = await run('token', 'create', 'kim', '--label', 'laptop', '--days', '1', '--data', data);
  t.is(exit, 0);
  t.regex(stdout, /^kolejka_[\w-]{32}\n$/);
  const headers = { authorization: `Bearer ${stdout.trim()}` };
  t.is((await send(`${url}/task/task/`, { headers, json: { image: 'x' } })).status, 200);
  t.is((await send(`${url}/queue/dequeue/`, { headers, json: {} })).status, 403);
});

test('a command that makes a database says so: perhaps --data was forgotten', async (t) => {
  const [one, other] = [await temporary(t), await temporary(t)];
  const added = await run('adduser', 'kim', 'x', '--email', 'kim@x', '--data', one);
  t.like(added, { exit: 0, stdout: `added kim in ${one}\n` });
  t.regex(added.stderr, /^There was no database in .*: a new one was made .*\n$/);
  t.is((await run('token', 'create', 'kim', '--data', one)).stderr, '');
  const refused = await run('token', 'create', 'kim', '--data', other);
  t.is(refused.exit, 4);
  t.regex(refused.stderr, /There was no database in .*\n.*There is no user kim/);
});

test('what goes wrong is one sentence and an exit status', async (t) => {
  const data = await temporary(t);
  const { url } = await runServer(t, data);
  await run('adduser', 'kim', 'x', '--email', 'kim@x', '--data', data);
  const cases: [string[], number, RegExp][] = [
    [['adduser', 'kim', 'x', '--email', 'kim@x', '--data', data], 2, /There is a user kim already/],
    [['adduser', 'a b', 'x', '--email', 'kim@x', '--data', data], 2, /A user name has/],
    [['token', 'create', 'lee', '--data', data], 4, /There is no user lee/],
    [['runserver', '--data', data], 2, /Another kolejka-server is running on/],
    [['runserver', new URL(url).host, '--data', `${data}/second`], 2, /another program listens there/],
    [['runserver', 'nonsense', '--data', data], 2, /is not an address such as/],
    [['runserver', '--data', '/dev/null/data'], 2, /cannot be made or used/],
  ];
  for (const [args, exit, sentence] of cases) {
    const ended = await run(...args);
    t.is(ended.exit, exit, args.join(' '));
    t.regex(ended.stderr, sentence);
    t.is(ended.stderr.trim().split('\n').length, 1, ended.stderr);
  }
});
