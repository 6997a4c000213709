import { whenPostgres } from '../engines.ts';
import { openServers } from './servers.ts';

/** Half of the measurements are shorter; a slow machine has single ones that are not. */
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

whenPostgres('a foreman that waits at one server is woken at once by a task that is put at another', async (t) => {
  const servers = await openServers(t, 2);
  const [here, there] = servers.running.map(({ url }) => url) as [string, string];
  const delays: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const waiting = servers.ask(here, '/queue/dequeue/', { json: { foreman: 'f', wait: 30 } });
    // The foreman is asleep when its request has been answered by nothing for a while.
    const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 150))]);
    t.is(early, undefined);
    const put = await servers.ask(there, '/task/task/', { json: { image: 'x' } });
    const acknowledged = performance.now();
    const { json } = await waiting;
    delays.push(performance.now() - acknowledged);
    t.deepEqual(
      (json['tasks'] as { id: string }[]).map(({ id }) => id),
      [(put.json['task'] as { id: string }).id],
    );
  }
  t.log(`median ${median(delays).toFixed(1)} ms after the put was acknowledged`);
  t.true(median(delays) < 100, `${median(delays)} ms`);
});
