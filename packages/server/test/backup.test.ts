import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import Database from 'better-sqlite3';
import { run, runServer, temporary } from './program.ts';
import { openScene, send } from './server-scene.ts';

const blobAt = (data: string, hash: string) => path.join(data, 'blobs', hash.slice(0, 2), hash);

test('a copy made while the server works is a data directory: a server on it answers every task, result and blob', async (t) => {
  const { data, as, put, take, upload, authorization } = await openScene(t);
  const known = new Map<string, string>();
  const over = new AbortController();
  const remember = async (at: string) => known.set(at, (await as('client', at)).text);
  const work = async () => {
    for (let round = 0; !over.signal.aborted; round += 1) {
      const reference = await upload('client', `bytes ${round}`);
      const id = await put('client', { files: { a: { reference } } });
      const taken = await take('foreman', 'f');
      const out = await upload('foreman', `output ${round}`);
      const result = { id: taken?.task, attempt: taken?.attempt, result: 0, files: { out: { reference: out } } };
      await as('foreman', '/task/result/', { json: result });
      // What was acknowledged before the copy began must be in it.
      if (known.size < 40) {
        const at = [
          `/blob/reference/${reference}/`,
          `/blob/reference/${out}/`,
          `/task/task/${id}/`,
          `/task/result/${id}/`,
        ];
        for (const one of at) await remember(one);
      }
    }
  };
  const working = work();
  while (known.size < 40) await new Promise((resolve) => setTimeout(resolve, 10));
  const to = path.join(await temporary(t), 'copy');
  const { exit, stdout, stderr } = await run('backup', to, '--data', data, '--verify', '--json');
  over.abort();
  await working;
  t.deepEqual([exit, stderr], [0, '']);
  const said = JSON.parse(stdout) as { tasks: number; results: number; blobs: number };
  t.true(said.tasks >= 10 && said.results >= 9 && said.blobs >= 20, stdout);
  t.deepEqual((await readdir(path.dirname(to))).toSorted(), ['copy']);

  // The copy must not need what it was made of.
  await rename(data, `${data}.gone`);
  t.teardown(() => rename(`${data}.gone`, data));
  const { url } = await runServer(t, to);
  for (const [at, text] of known) {
    const answer = await send(url + at, { headers: authorization('client') });
    t.deepEqual([answer.status, answer.text], [200, text], at);
  }
  t.is((await send(`${url}/task/task/`, { headers: authorization('client'), json: { image: 'x' } })).status, 200);
  const checked = new Database(path.join(to, 'kolejka.sqlite'), { readonly: true });
  t.is(checked.prepare('select count(*) from blobs').pluck().get(), said.blobs);
  checked.close();
});

test('a copy is not made of what is not whole, nor over what is there', async (t) => {
  const { data, upload, close } = await openScene(t);
  await upload('client', 'hello');
  await close();
  const directory = await temporary(t);
  await writeFile(path.join(directory, 'something'), '');
  const to = path.join(directory, 'copy');
  const refused = await run('backup', directory, '--data', data);
  t.deepEqual([refused.exit, refused.stdout], [2, '']);
  t.regex(refused.stderr, /There is something at/);
  t.is((await run('backup', to, '--data', path.join(directory, 'nothing'))).exit, 2);

  const database = new Database(path.join(data, 'kolejka.sqlite'), { readonly: true });
  const hash = database.prepare('select hash from blobs').pluck().get() as string;
  database.close();
  await rm(blobAt(data, hash));
  await writeFile(blobAt(data, hash), 'hullo');
  t.is((await run('backup', to, '--data', data)).exit, 0);
  const damaged = await run('backup', `${to}2`, '--data', data, '--verify');
  t.is(damaged.exit, 1);
  t.regex(damaged.stderr, new RegExp(`the blob ${hash} is damaged on disk`));
  await rm(blobAt(data, hash));
  const missing = await run('backup', `${to}2`, '--data', data);
  t.is(missing.exit, 1);
  t.regex(missing.stderr, /the store lacks 1 blobs that are named/);
  t.deepEqual((await readdir(directory)).toSorted(), ['copy', 'something']);
});
