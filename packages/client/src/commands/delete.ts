/** `task delete`, `result delete`, `blob delete`: as the original, they print nothing, also where nothing was. */
import type { Command } from 'commander';
import type { Client } from '../index.ts';
import { withClient } from './settings.ts';

const DELETE = {
  task: (client, id) => client.deleteTask(id),
  result: (client, id) => client.deleteResult(id),
  blob: (client, id) => client.deleteBlob(id),
} as const satisfies Record<string, (client: Client, id: string) => Promise<boolean>>;

export async function deleteOne(what: keyof typeof DELETE, id: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client) => {
    const deleted = await DELETE[what](client, id);
    if (json === true) process.stdout.write(`${JSON.stringify({ deleted })}\n`);
  });
}
