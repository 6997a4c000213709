import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { whenPostgres } from './engines.ts';
import { newDatabase } from './postgres.ts';
import { until } from './until.ts';

whenPostgres('every test has a database of its own', async (t) => {
  const [one, other] = await Promise.all([newDatabase(), newDatabase()]);
  t.not(one, other);
  const client = new pg.Client(one);
  await client.connect();
  t.deepEqual((await client.query('show server_encoding')).rows, [{ server_encoding: 'UTF8' }]);
  await client.end();
});

whenPostgres('nothing is left of the server of a test process that was killed', async (t) => {
  const program = `
    import { newDatabase } from ${JSON.stringify(import.meta.resolve('./postgres.ts'))};
    import pg from 'pg';
    const client = new pg.Client(await newDatabase());
    await client.connect();
    console.log((await client.query('show data_directory')).rows[0].data_directory);
  `;
  const child = spawn(process.execPath, ['--conditions=kolejka-source', '--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const directory = line.toString().trim();
  t.true(existsSync(directory));
  child.kill('SIGKILL');
  await t.notThrowsAsync(until(() => !existsSync(directory)));
});
