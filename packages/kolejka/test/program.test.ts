import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startProgram } from '../src/program.ts';

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-program-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a program that does not start is quoted', async (t) => {
  const logs = await temporary(t);
  await t.throwsAsync(startProgram('server', { args: ['runserver', 'nowhere', '--data', logs], logs }), {
    code: 'node-unfit',
    message: /^kolejka-server did not start: .*nowhere/,
  });
});

test('regression: a program that ends without a word is not quoted with words of an earlier start', async (t) => {
  const logs = await temporary(t);
  await writeFile(path.join(logs, 'server.log'), 'words of an earlier start\n');
  const args = ['runserver', '127.0.0.1:0', '--data', path.join(logs, 'data')];
  const started = startProgram('server', { args, logs });
  process.kill(await processWith(logs), 'SIGKILL');
  await t.throwsAsync(started, { message: 'kolejka-server did not start: it ended without a word.' });
});

/** The process that was started with this text among its arguments; it is there at once. */
async function processWith(argument: string): Promise<number> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    for (const pid of await readdir('/proc')) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(argument)) return Number(pid);
    }
  }
  throw new Error(`no process was started with ${argument}`);
}

test('a program that is not wanted any more does not get ready', async (t) => {
  const logs = await temporary(t);
  const args = ['runserver', '127.0.0.1:0', '--data', path.join(logs, 'data')];
  const signal = AbortSignal.timeout(50);
  await t.throwsAsync(startProgram('server', { args, logs, signal }), { name: 'TimeoutError' });
});
