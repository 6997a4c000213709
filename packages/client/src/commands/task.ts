/** `task put` and `task get`. */
import { printTask } from '@kolejka/protocol';
import type { Command } from 'commander';
import { interruptible } from './interrupt.ts';
import { withClient } from './settings.ts';
import { openStory } from './story.ts';

export async function putTask(directory: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client, { limits }) => {
    // As the original, nothing but the identifier is printed; the bar is for people who watch.
    const story = await openStory();
    const work = async (signal: AbortSignal) => {
      const task = await client.putTask(directory, { limits, signal, progress: story.upload });
      story.close();
      process.stdout.write(`${json === true ? JSON.stringify(printTask(task)) : task.id}\n`);
    };
    try {
      await interruptible(work, () => 'Interrupted before the task was put.');
    } finally {
      story.close();
    }
  });
}

export async function getTask(id: string, directory: string, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  await withClient(command, async (client) => {
    await interruptible(
      async (signal) => {
        const task = await client.getTask(id, directory, { signal });
        if (json === true) process.stdout.write(`${JSON.stringify(printTask(task))}\n`);
      },
      () => 'Interrupted: the task directory is not whole.',
    );
  });
}
