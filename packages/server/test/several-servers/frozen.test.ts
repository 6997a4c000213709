// Takes ten seconds and more: that is how long the others wait for a writer that is frozen.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { whenPostgres } from '../engines.ts';
import { openServers } from './servers.ts';

/** How long the engine lets it be `idle`, and much time for the machine. */
const BOUND_MS = 10_000 + 50_000;

/** Whether somebody holds the writers' lock and has done nothing for a while. */
const HELD_IDLY = `
  select 1 from pg_locks join pg_stat_activity using (pid)
  where locktype = 'advisory' and granted and state = 'idle in transaction'
    and clock_timestamp() - state_change > interval '100 milliseconds'`;

whenPostgres('a server that is frozen while it holds the lock stops the others for ten seconds', async (t) => {
  const servers = await openServers(t, 2);
  const [frozen, other] = servers.running as [(typeof servers.running)[0], (typeof servers.running)[0]];
  const admin = new pg.Client(servers.database);
  await admin.connect();
  const put = (url: string, timeoutMs?: number) =>
    servers.ask(url, '/task/task/', { json: { image: 'x' }, ...(timeoutMs !== undefined && { timeoutMs }) });

  // Frozen again and again under load, until it is in the middle of a write.
  const loading = new AbortController();
  const answered: string[] = [];
  const load = Promise.all(
    Array.from({ length: 16 }, async () => {
      while (!loading.signal.aborted) {
        const { status, json } = await put(frozen.url, 60_000);
        if (status === 200) answered.push((json['task'] as { id: string }).id);
      }
    }),
  );
  for (let isHeld = false; !isHeld; ) {
    await sleep(20 + Math.random() * 30);
    frozen.signal('SIGSTOP');
    await sleep(150);
    isHeld = (await admin.query(HELD_IDLY)).rows.length > 0;
    if (!isHeld) frozen.signal('SIGCONT');
  }
  loading.abort();

  const begun = performance.now();
  t.is((await put(other.url, BOUND_MS)).status, 200);
  const waited = performance.now() - begun;
  t.log(`the other server waited ${(waited / 1000).toFixed(1)} s`);
  t.true(waited > 1000, 'the lock was held');
  const next = performance.now();
  t.is((await put(other.url, BOUND_MS)).status, 200);
  t.true(performance.now() - next < waited / 2, 'only the first write had to wait');

  // What it had begun is refused or made again, never half done; and it is a server again.
  frozen.signal('SIGCONT');
  await load;
  t.is((await put(frozen.url)).status, 200);
  for (const id of answered) t.is((await servers.ask(other.url, `/task/task/${id}/`)).status, 200);
  const { rows } = await admin.query<{ tasks: string; events: string; bodies: string }>(
    `select (select count(*) from tasks) as tasks, (select count(*) from events) as events,
       (select count(*) from task_bodies) as bodies`,
  );
  const [{ tasks, events, bodies }] = rows as [(typeof rows)[0]];
  t.deepEqual([events, bodies], [tasks, tasks]);
  await admin.end();
});
