/** Servers with a queue of a certain depth. */
import { mkdir } from 'node:fs/promises';
import { openConnection } from './connection.ts';
import { multiplyTasks } from './multiply-tasks.ts';
import { taskOfClass } from './tasks.ts';
import { prepareUsers, startServer, type TestedServer } from './tested-server.ts';

/** Tasks that are older than those of the next layer. */
export interface Layer {
  tasks: number;
  /** Request classes the tasks are of, in turn. */
  classes: number;
  /** Tags a foreman must have to run them. */
  requires?: readonly string[];
}

/** Makes a data directory whose queue has these layers, the oldest first, and starts a server on it. */
export async function startFilled(data: string, layers: readonly Layer[]): Promise<TestedServer> {
  await mkdir(data, { mode: 0o700 });
  const tokens = await prepareUsers(data);
  let server = await startServer(data, tokens);
  for (const { tasks, classes, requires = [] } of layers) {
    const originals = Math.min(tasks, classes);
    await putEach(server, originals, requires);
    await server.stop();
    multiplyTasks({ data, originals, copies: tasks - originals });
    server = await startServer(data, tokens);
  }
  await requirePending(
    server,
    layers.reduce((sum, { tasks }) => sum + tasks, 0),
  );
  return server;
}

async function putEach({ url, tokens }: TestedServer, classes: number, requires: readonly string[]): Promise<void> {
  const client = openConnection(url, tokens.client);
  for (let number = 0; number < classes; number += 1) {
    await client.ask('POST', '/task/task/', taskOfClass(number, { requires }));
  }
  await client.close();
}

/** The server itself must see what was put behind its back. */
async function requirePending({ url, tokens }: TestedServer, wanted: number): Promise<void> {
  const client = openConnection(url, tokens.client);
  const { task_unassigned_count: pending } = await client.ask('GET', '/queue/stats/');
  await client.close();
  if (pending !== wanted) throw new Error(`the server sees ${String(pending)} pending tasks, not ${wanted}`);
}
