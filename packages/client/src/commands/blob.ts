/** `blob put` and `blob get`. */
import type { Command } from 'commander';
import { interruptible } from './interrupt.ts';
import { withClient } from './settings.ts';
import { openStory } from './story.ts';

export async function putBlob(file: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client) => {
    const { stat } = await import('node:fs/promises');
    const story = await openStory();
    const work = async (signal: AbortSignal) => {
      story.upload.total(1, (await stat(file).catch(() => undefined))?.size ?? 0);
      const reference = await client.putBlob(file, { signal, sent: story.upload.sent });
      story.close();
      process.stdout.write(`${json === true ? JSON.stringify(reference) : reference.key}\n`);
    };
    try {
      await interruptible(work, () => 'Interrupted: nothing was put.');
    } finally {
      story.close();
    }
  });
}

export async function getBlob(reference: string, file: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client) => {
    await interruptible(
      async (signal) => {
        const size = await client.downloadTo(reference, file, { signal });
        if (json === true) process.stdout.write(`${JSON.stringify({ reference, file, size })}\n`);
      },
      () => 'Interrupted: nothing was written.',
    );
  });
}
