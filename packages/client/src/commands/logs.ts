/** `task logs`. */
import { once } from 'node:events';
import { printable } from '@kolejka/program';
import type { Command } from 'commander';
import { interruptible } from './interrupt.ts';
import { withClient } from './settings.ts';

const STREAMS = ['stdout', 'stderr'] as const;

export async function showLogs(id: string, command: Command): Promise<void> {
  const { follow } = command.optsWithGlobals<{ follow?: boolean }>();
  const write = { stdout: writerTo(process.stdout), stderr: writerTo(process.stderr) };
  await withClient(command, async (client) => {
    await interruptible(
      async (signal) => {
        for await (const { stream, bytes } of client.taskOutput(id, { follow, signal })) await write[stream](bytes);
        for (const stream of STREAMS) await write[stream](Buffer.alloc(0), true);
      },
      () => 'Interrupted: the task goes on.',
    );
  });
}

/**
 * Writes bytes as they are into a file or a pipe. On a terminal, what the task prints must not move the cursor or look
 * like something else: only line breaks and tabs pass.
 */
function writerTo(out: NodeJS.WriteStream): (bytes: Buffer, isLast?: boolean) => Promise<void> {
  const decoder = new TextDecoder();
  return async (bytes, isLast = false) => {
    const said = out.isTTY ? shown(decoder.decode(bytes, { stream: !isLast })) : bytes;
    if (said.length > 0 && !out.write(said)) await once(out, 'drain');
  };
}

function shown(text: string): string {
  return text
    .split(/(\r?\n|\t)/)
    .map((part, index) => (index % 2 === 0 ? printable(part) : part))
    .join('');
}
