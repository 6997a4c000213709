/** What a task prints, seen by whoever follows it: while it runs, and all of it once it has ended. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { openGrid, type TestGrid } from './grid.ts';

async function putScript(grid: TestGrid, name: string, script: string, more: object = {}): Promise<string> {
  const directory = path.join(grid.directory, name);
  await mkdir(directory);
  const limits = { cpus: 1, memory: '64M', pids: 16, time: '120s' };
  const task = { image: 'busybox:stable', args: ['sh', '-c', script], limits, stdout: 'out', stderr: 'err', ...more };
  await writeFile(path.join(directory, 'kolejka_task.json'), JSON.stringify(task));
  return await grid.put(directory);
}

async function follow(grid: TestGrid, id: string) {
  const said = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const signal = AbortSignal.timeout(120_000);
  for await (const { stream, bytes } of grid.client.taskOutput(id, { follow: true, signal }))
    said[stream] = Buffer.concat([said[stream], bytes]);
  return said;
}

test('what a task prints is seen while it runs, and whole once it has ended', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');

  const endless = await putScript(grid, 'endless', 'echo begun; echo wrong >&2; sleep 100');
  const seen: string[] = [];
  const signal = AbortSignal.timeout(120_000);
  const following = (async () => {
    for await (const { stream, bytes } of grid.client.taskOutput(endless, { follow: true, signal })) {
      seen.push(`${stream} ${bytes.toString()}`);
      // It runs: what was seen did not come from its result.
      if (seen.length === 2) await grid.client.cancelTask(endless);
    }
  })();
  await t.throwsAsync(following, { code: 'task-cancelled' });
  t.deepEqual(seen.toSorted(), ['stderr wrong\n', 'stdout begun\n']);

  // Bytes that are no text, in several pieces, and more than is kept while it runs.
  const script = `printf 'a\\377\\000b'; echo first >&2; sleep 1; head -c 300000 /dev/zero; sleep 1; printf end; echo last >&2`;
  const ending = await putScript(grid, 'ending', script);
  const said = await follow(grid, ending);
  const whole = Buffer.concat([Buffer.from([97, 255, 0, 98]), Buffer.alloc(300_000), Buffer.from('end')]);
  t.is(said.stderr.toString(), 'first\nlast\n');
  t.true(said.stdout.subarray(0, 4).equals(whole.subarray(0, 4)));
  t.is(said.stdout.subarray(-3).toString(), 'end');
  t.true(said.stdout.length <= whole.length, 'nothing is seen twice');
  t.true((await follow(grid, ending)).stdout.equals(whole), 'of a task that has ended all is there');

  const shared = await putScript(grid, 'shared', 'echo one; sleep 1; echo two >&2; sleep 1; echo three', {
    stderr: 'out',
  });
  const logs = await grid.command('task', 'logs', '--follow', shared);
  t.deepEqual([logs.exit, logs.stdout, logs.stderr], [0, 'one\ntwo\nthree\n', '']);
  const again = await grid.command('task', 'logs', ending);
  t.deepEqual([again.exit, again.stderr], [0, 'first\nlast\n']);
  const unknown = await grid.command('task', 'logs', '-f', '0'.repeat(32));
  t.regex(unknown.stderr, /^kolejka-client: There is no task 0+ on the server/);
  t.deepEqual(await grid.finish(), []);
});
