/**
 * `npm run demo`: a grid on this machine for as long as one task takes: server, observer and foreman start, the
 * example `hello` travels through them, and nothing is left behind. Exit status 0 only if the result is right.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openClient, readClientConfig } from '@kolejka/client';
import { RESULT_FILE, type TaskEvent } from '@kolejka/protocol';
import { type Grid, startGrid } from 'kolejka';
import { findLeftovers } from '../tests/leftovers.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../examples/hello');
const started = performance.now();

function say(text: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(2).padStart(6)} s  ${text}`);
}

function describe({ event, foreman, attempt, message }: TaskEvent): string {
  const by = foreman === null ? '' : ` by foreman ${foreman}`;
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  return `${event}${by}${again}${message === null ? '' : `: ${message}`}`;
}

/** Puts the example, watches it, and prints what came of it. */
async function runExample(grid: Grid, resultDirectory: string): Promise<{ task: string; right: boolean }> {
  const client = openClient(readClientConfig({ configFile: grid.configFile }, {}, {}));
  try {
    const task = await client.putTask(EXAMPLE);
    say(`uploaded task ${task.id}`);
    await client.waitForResult(task.id, {
      onEvent: (event) => say(describe(event)),
      signal: AbortSignal.timeout(60_000),
    });
    const { result } = await client.getResult(task.id, resultDirectory);
    const stdout = await readFile(path.join(resultDirectory, 'stdout.txt'), 'utf8');
    console.log(
      `\n${RESULT_FILE}:\n${await readFile(path.join(resultDirectory, RESULT_FILE), 'utf8')}\n\nstdout.txt:\n${stdout}`,
    );
    const { stats } = result;
    const measured = [stats.cpu_usage, stats.memory_max_usage, stats.pids_max_usage, stats.time].every(
      (value) => (value ?? 0) > 0,
    );
    return {
      task: task.id,
      right: result.result === 0 && result.reason === 'exit' && stdout === 'Linux\n' && measured,
    };
  } finally {
    await client.close();
  }
}

async function main(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-demo-'));
  let grid: Grid | undefined;
  let outcome: { task: string; right: boolean } | undefined;
  try {
    grid = await startGrid({ data: path.join(directory, 'data'), listen: '127.0.0.1:0' });
    say(`server, observer and foreman run; the server is at ${grid.address}`);
    outcome = await Promise.race([runExample(grid, path.join(directory, 'result')), grid.broken]);
  } finally {
    await grid?.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const left = await findLeftovers({ directories: [directory, grid.sockets], tasks: [outcome.task] });
  for (const line of left) say(`left behind: ${line}`);
  say(
    outcome.right && left.length === 0
      ? 'The result is right and nothing is left behind.'
      : 'This is not as it should be.',
  );
  process.exitCode = outcome.right && left.length === 0 ? 0 : 1;
}

await main();
