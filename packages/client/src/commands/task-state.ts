/** `task list`, `task show`, `task cancel`. */
import { printable, printTable } from '@kolejka/program';
import type { State, TaskState } from '@kolejka/protocol';
import type { Command } from 'commander';
import { withClient } from './settings.ts';

interface ListFlags {
  state?: State;
  user?: string;
  image?: string;
  since?: Date;
  before?: Date;
  most: number;
  json?: boolean;
}

export async function listTasks(command: Command): Promise<void> {
  const { state, user, image, since, before, most, json } = command.optsWithGlobals<ListFlags>();
  await withClient(command, async (client) => {
    const rows: string[][] = [];
    let left = most;
    for await (const task of client.listTasks({ state, user, image, since, before })) {
      if (json === true) process.stdout.write(`${JSON.stringify(task)}\n`);
      else rows.push([task.id, task.state, task.owner, minute(task.time_create), task.foreman ?? '', task.image]);
      left -= 1;
      if (left === 0) break;
    }
    if (rows.length > 0) {
      process.stdout.write(printTable(['task', 'state', 'user', 'put (UTC)', 'foreman', 'image'], rows));
    }
  });
}

export async function showTask(id: string, command: Command): Promise<void> {
  await withClient(command, async (client) => printTask(await client.taskState(id), command));
}

export async function cancelTask(id: string, command: Command): Promise<void> {
  await withClient(command, async (client) => {
    const task = await client.cancelTask(id);
    const { json } = command.optsWithGlobals<{ json?: boolean }>();
    if (json === true) printTask(task, command);
  });
}

/** One field a line; what says nothing is left out. */
function printTask(task: TaskState, command: Command): void {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  if (json === true) return void process.stdout.write(`${JSON.stringify(task)}\n`);
  const lines = Object.entries(task).filter(([, value]) => value !== null);
  process.stdout.write(lines.map(([name, value]) => `${name}: ${printable(String(value))}\n`).join(''));
}

function minute(moment: string): string {
  return moment.slice(0, 16).replace('T', ' ');
}
