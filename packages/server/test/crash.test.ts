import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { addUser, createToken } from '../src/accounts.ts';
import { runServer, temporary } from './program.ts';
import { send } from './server-scene.ts';

test('what was acknowledged is there after the server was killed that very moment', async (t) => {
  const data = await temporary(t);
  await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors'] });
  const headers = { authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}` };
  const first = await runServer(t, data);
  const texts = Array.from({ length: 20 }, (_, index) => `file ${index}`);
  const keys: string[] = [];
  const tasks: string[] = [];
  // The server is killed right after the last of these was answered, while others are still on their way.
  const putOne = async (text: string) => {
    const { json } = await send(`${first.url}/blob/reference/`, { headers, body: text });
    const { key: reference } = json['reference'] as { key: string };
    keys.push(reference);
    const put = await send(`${first.url}/task/task/`, { headers, json: { image: 'x', files: { a: { reference } } } });
    tasks.push((put.json['task'] as { id: string }).id);
    if (tasks.length === 10) void first.end('SIGKILL');
  };
  await Promise.allSettled(texts.map(putOne));
  t.is(await first.end('SIGKILL'), null);
  t.true(tasks.length >= 10);
  await writeFile(path.join(data, 'blobs', 'incoming', 'half'), 'ha');

  const { url } = await runServer(t, data);
  for (const id of tasks) t.is((await send(`${url}/task/task/${id}/`, { headers })).status, 200);
  for (const key of keys) t.regex((await send(`${url}/blob/reference/${key}/`, { headers })).text, /^file \d+$/);
  const { json } = await send(`${url}/queue/dequeue/`, { headers, json: { concurency: 100, foreman: 'f' } });
  const taken = new Set((json['tasks'] as { id: string }[]).map(({ id }) => id));
  t.deepEqual(
    tasks.filter((id) => !taken.has(id)),
    [],
  );
});
