/** One container, from create to its last statistics. */
import { finished } from 'node:stream/promises';
import { GridError } from '@kolejka/protocol';
import type { Container, ContainerCreateOptions } from 'dockerode';
import { type Engine, engineMessage, engineStatus } from './engine.ts';
import { engineFailure } from './engine-failure.ts';
import type { Output } from './streams.ts';

/** How a container ended. */
export interface Exit {
  /** Exit code; 128 + signal when a signal ended the program. */
  code: number;
  /** From start to end by the engine's clock, in milliseconds; undefined when that says the end came first. */
  timeMs: number | undefined;
}

/** @throws GridError `image-unavailable` when the image is gone, `node-unfit` for everything else */
export async function createContainer(engine: Engine, options: ContainerCreateOptions): Promise<Container> {
  try {
    // All options would go into the address of the call, too, which has less room than the arguments of a task.
    const { name, ...body } = options;
    return await engine.docker.createContainer({ _query: { name }, _body: body } as ContainerCreateOptions);
  } catch (cause) {
    const code = engineStatus(cause) === 404 ? 'image-unavailable' : 'node-unfit';
    throw engineFailure(cause, code, 'The container could not be made');
  }
}

/** The engine starts an init of its own; of the command it can only say that it is too long. */
const COMMAND_AT_FAULT = /argument list too long/i;

/**
 * Starts the container.
 * @throws GridError `image-unavailable` when the command cannot be started in the image, `node-unfit` else
 */
export async function startContainer(container: Container): Promise<void> {
  try {
    await container.start();
  } catch (cause) {
    const message = engineMessage(cause);
    if (COMMAND_AT_FAULT.test(message)) {
      throw new GridError('image-unavailable', `The command could not be started in the image: ${message}.`, { cause });
    }
    throw engineFailure(cause, 'node-unfit', 'The container could not be started');
  }
}

/** Exit code and first line of stderr, by who found that the program cannot be started. */
const INIT_FAILURES: readonly { codes: readonly number[]; line: RegExp }[] = [
  // Docker's init, or Podman's: there is no such program.
  { codes: [126, 127], line: /^(?:\[FATAL tini \(\d+\)\]|ERROR \(catatonit:\d+\):) (.*)$/ },
  // The runtime, which could not start the init with these arguments.
  { codes: [1], line: /^exec \/sbin\/docker-init: (.*)$/ },
];

/**
 * The engine starts an init in the container, and that init the program. That this could not be is said on stderr;
 * answers that line, or undefined.
 *
 * A program can say the same, so it takes nothing from the result: exit code, statistics and files stay.
 */
export function initFailure(code: number, { stderr, stdoutBytes }: Output): string | undefined {
  if (stdoutBytes > 0) return undefined;
  const [first = ''] = stderr.split('\n', 1);
  return INIT_FAILURES.find(({ codes, line }) => codes.includes(code) && line.test(first))?.line.exec(first)?.[1];
}

/**
 * Waits for the end of a container that was started.
 *
 * The engine's condition `next-exit`, asked for before the start, would hear of the end a little sooner, but dockerode
 * does not say when the engine has begun to listen: a program that is quicker is then waited for without end. Nor does
 * its own `wait` ever end when the engine dies after the first byte; so the answer is read here.
 * @throws GridError `engine-unreachable` when the engine went away before
 */
export async function waitForExit(engine: Engine, container: Container): Promise<void> {
  const call = {
    path: `/containers/${container.id}/wait?`,
    method: 'POST',
    options: { condition: 'not-running' },
    isStream: true,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
  };
  try {
    const answer = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      engine.docker.modem.dial(call, (error: unknown, stream: unknown) =>
        error === null ? resolve(stream as NodeJS.ReadableStream) : reject(error),
      );
    });
    await finished(answer.resume());
  } catch (error) {
    // 404: removed under our hands, for example by an operator: it has ended too.
    if (engineStatus(error) !== 404) throw engineFailure(error, 'node-unfit', 'The end of the container is not known');
  }
}

/** How a container that has ended did so. @throws GridError `engine-unreachable`, `node-unfit` */
export async function readExit(container: Container): Promise<Exit> {
  const { State: state } = await container.inspect().catch((error: unknown) => {
    throw engineFailure(error, 'node-unfit', 'The exit code of the container is not known');
  });
  const timeMs = parseTime(state.FinishedAt) - parseTime(state.StartedAt);
  // The engine notes the start when it has heard of it; a program of a millisecond may have ended before.
  return { code: state.ExitCode, timeMs: timeMs > 0 ? timeMs : undefined };
}

/** Milliseconds of a time such as 2026-11-22T00:27:16.136123456Z, below the millisecond kept. */
function parseTime(text: string): number {
  const [, seconds = '', fraction = '0'] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? [];
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000;
}
