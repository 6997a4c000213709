/** What a foreman says to the server about one task, with a result that the test makes up: no container runs here. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ForemanName, parseResult, parseTask, type Task, TaskId } from '@kolejka/protocol';
import { clientOf, type Scope, temporary } from './listen.ts';
import { PASSWORD } from './real-server.ts';

const NAME = ForemanName.parse('node1');

export interface TakenTask {
  task: Task;
  /** Says that the program runs. */
  run: () => Promise<void>;
  /** Hands in a result with one file, `stdout.txt`. */
  resolve: (result: Record<string, unknown>, stdout: string) => Promise<void>;
}

/** Waits for a task and takes it. */
export async function takeTask(t: Scope, server: string): Promise<TakenTask> {
  const client = clientOf(t, { server, username: 'node1', password: PASSWORD });
  const { tasks, leases } = await client.dequeue({ foreman: NAME, concurency: 1, limits: {}, tags: [], wait: 20 });
  const task = parseTask(tasks[0]);
  const id = TaskId.parse(task.id);
  const attempt = leases?.[0]?.attempt ?? 0;
  return {
    task,
    run: async () => {
      await client.heartbeat({ foreman: NAME, tasks: [{ task: id, attempt, phase: 'running' }] });
    },
    resolve: async (result, stdout) => {
      const directory = path.join(temporary(t), 'result');
      mkdirSync(directory);
      writeFileSync(path.join(directory, 'stdout.txt'), stdout);
      const files = { 'stdout.txt': 'stdout.txt' };
      await client.putResult(parseResult({ ...result, id, stdout: 'stdout.txt', files }), directory, attempt);
    },
  };
}
