/**
 * `npm run demo`: a grid on this machine for as long as one task takes: server, observer and foreman start, the
 * example `hello` travels through them, and nothing is left behind. Exit status 0 only if the result is right; 130 when it
 * is interrupted, which leaves nothing behind either; that of the error table when this machine is not fit.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openClient, readClientConfig } from '@kolejka/client';
import { openShutdown } from '@kolejka/program';
import { asGridError, RESULT_FILE, type TaskEvent } from '@kolejka/protocol';
import { openEngine } from '@kolejka/worker';
import { type Grid, startGrid } from 'kolejka';
import { findLeftovers } from '../packages/worker/test/machine.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../examples/hello');
/** What shells answer for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

const started = performance.now();

function say(text: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(2).padStart(6)} s  ${text}`);
}

function describe({ event, foreman, attempt, message }: TaskEvent): string {
  const by = foreman === null ? '' : ` by foreman ${foreman}`;
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  return `${event}${by}${again}${message === null ? '' : `: ${message}`}`;
}

interface Outcome {
  task: string;
  right: boolean;
}

/** Puts the example, watches it, and prints what came of it. */
async function runExample(grid: Grid, resultDirectory: string, asked: AbortSignal): Promise<Outcome> {
  const client = openClient(readClientConfig({ configFile: grid.configFile }, {}, {}));
  try {
    const task = await client.putTask(EXAMPLE);
    say(`uploaded task ${task.id}`);
    await client.waitForResult(task.id, {
      onEvent: (event) => say(describe(event)),
      signal: AbortSignal.any([asked, AbortSignal.timeout(60_000)]),
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

/** Answers the exit status. */
async function main(): Promise<number> {
  const shutdown = openShutdown();
  // Before anything is started: it is the one thing that set-up cannot always bring.
  await openEngine();
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-demo-'));
  let grid: Grid | undefined;
  let outcome: Outcome;
  try {
    grid = await startGrid({ data: path.join(directory, 'data'), listen: '127.0.0.1:0', signal: shutdown.asked });
    say(`server, observer and foreman run; the server is at ${grid.address}`);
    outcome = await Promise.race([runExample(grid, path.join(directory, 'result'), shutdown.asked), grid.broken]);
  } catch (error) {
    if (!shutdown.asked.aborted) throw error;
    say('Interrupted: everything that was started ends.');
    return INTERRUPTED;
  } finally {
    shutdown.insisted.addEventListener('abort', () => void grid?.stop(), { once: true });
    await grid?.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const left = await findLeftovers({ directories: [directory, grid.sockets], tasks: [outcome.task] });
  for (const line of left) say(`left behind: ${line}`);
  const isRight = outcome.right && left.length === 0;
  say(isRight ? 'The result is right and nothing is left behind.' : 'This is not as it should be.');
  return isRight ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const error = asGridError(thrown);
  // What broke of ours is for who mends it; the rest is one sentence for who runs it.
  console.error(error.code === 'internal' ? thrown : `demo: ${error.message}`);
  process.exitCode = error.exit;
}
