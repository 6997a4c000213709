import { whenPostgres } from '../engines.ts';
import { openServers } from './servers.ts';

/** Half of the measurements are shorter; a busy machine has single ones that are not. */
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

whenPostgres('a foreman that waits at one server is woken at once by a task that is put at another', async (t) => {
  const servers = await openServers(t, 2);
  const [here, there] = servers.running.map(({ url }) => url) as [string, string];
  const delays: number[] = [];
  const reads: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const waiting = servers.ask(here, '/queue/dequeue/', { json: { foreman: 'f', wait: 30 } });
    // The foreman is asleep when its request has been answered by nothing for a while. On a slow machine it may still be
    // on its way: then it finds the task when it looks first, and that measurement says nothing.
    const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 150))]);
    t.is(early, undefined);
    const put = await servers.ask(there, '/task/task/', { json: { image: 'x' } });
    const acknowledged = performance.now();
    const { json } = await waiting;
    delays.push(performance.now() - acknowledged);
    const asked = performance.now();
    await servers.ask(here, '/queue/stats/');
    reads.push(performance.now() - asked);
    t.deepEqual(
      (json['tasks'] as { id: string }[]).map(({ id }) => id),
      [(put.json['task'] as { id: string }).id],
    );
  }
  const said = `${median(delays).toFixed(1)} ms after the put was acknowledged; a read takes ${median(reads).toFixed(1)} ms`;
  t.log(said);
  // Without being told of it, a server looks once a second. A few statements more than a read, whatever those take here.
  t.true(median(delays) < 100 + 10 * median(reads), said);
});
