/** `result get`. */
import type { Command } from 'commander';
import { interruptible } from './interrupt.ts';
import { withClient } from './settings.ts';

export async function getResult(id: string, directory: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client) => {
    await interruptible(
      async (signal) => {
        const known = await client.getResult(id, directory, { signal });
        if (json === true) process.stdout.write(`${JSON.stringify(known.json)}\n`);
      },
      () => 'Interrupted: the result directory is not whole.',
    );
  });
}
