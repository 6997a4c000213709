/** What tasks written for the original's worker rely on: docs/worker.md has the table. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { openScene, sh } from './scene.ts';

const MAIN = path.resolve(import.meta.dirname, '../src/main.ts');
const EXAMPLES = path.resolve(import.meta.dirname, '../../../examples');

interface Written {
  result?: number;
  reason: string;
  limits: object;
  files: object;
}

/** Runs `kolejka-worker execute` as a user does, and reads the result. */
async function execute(t: ExecutionContext, task: string, ...flags: string[]): Promise<Written & { out: string }> {
  const { directory, findLeft, context } = await openScene(t);
  const out = path.join(directory, 'out');
  const args = ['execute', task, out, '--temp', context.temp, '--observer', context.observerSocket, ...flags];
  await promisify(execFile)(process.execPath, ['--conditions=kolejka-source', MAIN, ...args]);
  const left = await findLeft();
  t.deepEqual(left, []);
  const written = JSON.parse(await readFile(path.join(out, 'kolejka_result.json'), 'utf8')) as Written;
  return { ...written, out };
}

const ENDS: [example: string, reason: string, result: number][] = [
  ['hello', 'exit', 0],
  ['build', 'exit', 0],
  ['timebomb', 'time', 137],
  ['forkbomb', 'pids', 137],
  ['rambomb', 'memory', 137],
  ['rambomb-child', 'memory', 0],
];

for (const [example, reason, result] of ENDS) {
  test.serial(`the example ${example} ends for ${reason} with ${result}`, async (t) => {
    const ended = await execute(t, path.join(EXAMPLES, example));
    t.is(ended.reason, reason);
    t.is(ended.result, result);
  });
}

test.serial('a service that a task starts is reached over its loopback, stopped, and gone', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = `
    echo served > page
    httpd -f -p 127.0.0.1:5432 -h . & service=$!
    until wget -q -O - http://localhost:5432/page; do sleep 0.1; done
    kill $service; wait $service
    wget -q -O - http://localhost:5432/page 2>/dev/null || echo stopped`;
  const { result, text } = await run(sh(script));
  t.is(result.reason, 'exit');
  t.is(await text('out'), 'served\nstopped\n');
  await isUnharmed();
});

test.serial(
  '--consume takes the task directory, --pull asks the registry, and limits of the command are ceilings',
  async (t) => {
    const { directory } = await openScene(t);
    const task = path.join(directory, 'task');
    await mkdir(task);
    const spec = {
      image: 'busybox:stable',
      args: ['sleep', '30'],
      stdout: 'out',
      files: { a: 'a' },
      limits: { time: '60s' },
    };
    await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
    await writeFile(path.join(task, 'a'), 'A');
    const flags = ['--time', '1s', '--memory', '32M', '--pids', '8', '--cpus', '1', '--swap', '0'];
    const ended = await execute(t, task, '--consume', ...flags);
    t.is(ended.reason, 'time');
    t.deepEqual(ended.limits, { cpus: 1, memory: '33554432b', swap: '0b', pids: 8, time: '1.0s' });
    await t.throwsAsync(stat(task), { code: 'ENOENT' });

    await mkdir(task);
    await writeFile(
      path.join(task, 'kolejka_task.json'),
      JSON.stringify({ image: 'localhost:1/none', args: ['true'] }),
    );
    const error = await t.throwsAsync(execute(t, task, '--pull'), { message: /localhost:1\/none could not be pulled/ });
    t.is((error as Error & { code?: number }).code, 6);
  },
);

test.serial('a task directory is left as it was, and what its rules collect is in the result', async (t) => {
  const { directory } = await openScene(t);
  const task = path.join(directory, 'task');
  await cp(path.join(EXAMPLES, 'collect'), task, { recursive: true });
  const before = await readdir(task, { recursive: true });
  const { reason, files, out } = await execute(t, task);
  t.is(reason, 'exit');
  t.true(Object.keys(files).length > 0);
  t.deepEqual(await readdir(task, { recursive: true }), before);
  t.true((await readdir(out)).includes('kolejka_result.json'));
});
