import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { ROOT } from './command.ts';

/** A drill is long enough that the server and all three foremen are hit, and each task is lost at most now and then. */
const DRILLS = [
  { runs: 'in containers', kind: 'docker', seed: 3, seconds: 25, tasks: 36 },
  { runs: 'as plain processes', kind: 'process', seed: 3, seconds: 30, tasks: 500 },
] as const;

for (const { runs, kind, seed, seconds, tasks } of DRILLS) {
  test.serial(
    `tasks that run ${runs} have one result each, whatever is killed, frozen or cut off meanwhile`,
    async (t) => {
      const numbers = Object.entries({ seed, seconds, tasks });
      const args = ['--runner', kind, ...numbers.flatMap(([name, value]) => [`--${name}`, String(value)])];
      const main = path.join(ROOT, 'tests', 'drill', 'main.ts');
      const child = spawn(process.execPath, ['--conditions=kolejka-source', main, ...args, '--json'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      t.teardown(() => child.kill());
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
      t.is(child.exitCode, 0, stderr);
      const { figures } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { figures: Record<string, number> };
      t.log(figures);
      t.like(figures, { lost: 0, doubled: 0, wrong: 0, leftovers: 0 });
      t.true((figures['tasks'] ?? 0) >= tasks);
      for (const trouble of ['kills', 'freezes', 'cuts', 'losses']) t.true((figures[trouble] ?? 0) > 0, trouble);
    },
  );
}
