/** `execute`: puts the task of a directory, waits for its result, writes it into another directory. */
import { type ErrorCode, GridError, type Reason, type Result } from '@kolejka/protocol';
import type { Command } from 'commander';
import { realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Client, ClientConfig } from '../index.ts';
import { makeDirectory, readTaskDirectory } from '../task-directory.ts';
import { interruptible } from './interrupt.ts';
import { openStory, type Story, tellEvent, tellResult, waitedFor } from './story.ts';
import { withClient } from './settings.ts';

/** Flags of `execute`, as commander gives them. */
interface ExecuteFlags {
  interval: number;
  consume?: boolean;
  json?: boolean;
}

/** Results that say the program did not really run: the command ends with an error then, though the result is written. */
const NOT_RUN = {
  image: 'image-unavailable',
  infrastructure: 'node-unfit',
} as const satisfies Partial<Record<Reason, ErrorCode>>;

export async function execute(taskDirectory: string, resultDirectory: string, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ExecuteFlags>();
  await withClient(command, async (client, config) => {
    // Before anything is sent: a task whose result has nowhere to go need not run.
    await readTaskDirectory(taskDirectory);
    await makeDirectory(resultDirectory);
    if (flags.consume === true) await refuseInside(taskDirectory, resultDirectory);
    const story = await openStory();
    let id: string | undefined;
    const work = async (signal: AbortSignal): Promise<void> => {
      id = (await client.putTask(taskDirectory, { limits: config.limits, signal, progress: story.upload })).id;
      story.uploaded();
      story.say(`task: ${id}`);
      const result = await fetchResult({ client, story, signal }, id, resultDirectory, flags);
      if (flags.consume === true) await rm(taskDirectory, { recursive: true, force: true });
      throwIfNotRun(result);
    };
    try {
      await interruptible(work, () => {
        story.close();
        return interruptedSentence(id, resultDirectory, config);
      });
    } finally {
      story.close();
    }
  });
}

/** Removing the task directory must not take the result along. */
async function refuseInside(taskDirectory: string, resultDirectory: string): Promise<void> {
  const [from, to] = [await realpath(taskDirectory), await realpath(resultDirectory)];
  if (to === from || to.startsWith(`${from}${path.sep}`)) {
    throw new GridError('usage', `--consume would remove ${resultDirectory} too: write the result somewhere else.`);
  }
}

async function fetchResult(
  { client, story, signal }: { client: Client; story: Story; signal: AbortSignal },
  id: string,
  directory: string,
  flags: ExecuteFlags,
): Promise<Result> {
  story.waiting('waiting for a foreman');
  const known = await client.waitForResult(id, {
    intervalMs: flags.interval * 1000,
    signal,
    onEvent: (event) => {
      const line = tellEvent(event);
      if (line !== undefined) story.say(line);
      story.waiting(waitedFor(event.event));
    },
    onSilence: (error) => {
      story.say(`${error.message} Trying again until it does.`);
      story.waiting('waiting for the server');
    },
  });
  story.waiting(undefined);
  await client.saveResult(known, directory, { signal });
  story.say(tellResult(known.result));
  if (flags.json === true) process.stdout.write(`${JSON.stringify(known.json)}\n`);
  return known.result;
}

function throwIfNotRun({ reason, message }: Result): void {
  const code = reason === 'image' || reason === 'infrastructure' ? NOT_RUN[reason] : undefined;
  if (code !== undefined) throw new GridError(code, `The task was not run: ${message ?? `the reason is ${reason}.`}`);
}

function interruptedSentence(id: string | undefined, directory: string, { server }: ClientConfig): string {
  if (id === undefined) return 'Interrupted before the task was put.';
  return `Interrupted. Task ${id} goes on at ${server}; its result can be fetched later: kolejka-client result get ${id} ${directory}`;
}
