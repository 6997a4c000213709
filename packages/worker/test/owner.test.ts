import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { lives, self } from '../src/owner.ts';

/** State and start time of a process. */
function readStat(pid: number): [state: string, started: string] {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return [fields[0] ?? '', fields[19] ?? ''];
}

test('regression: a process that has ended owns nothing, also when nobody has asked how it ended', async (t) => {
  // The shell becomes a program that waits for no child.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => parent.kill('SIGKILL'));
  const [text] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(text);
  const [, started] = readStat(pid);
  for (let tries = 0; readStat(pid)[0] !== 'Z'; tries += 1) {
    if (tries > 1000) throw new Error(`it is ${readStat(pid)[0]} still`);
    await sleep(20);
  }
  t.false(await lives({ pid, started }));
  t.true(await lives(await self()));
});
