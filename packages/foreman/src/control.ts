/**
 * The local socket by which an operator asks and tells a foreman: `GET /status`, `POST /drain`, `POST /resume`. It is in
 * the directory of the foreman's state, which only its user can enter; so nobody else reaches it.
 */
import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { createServer, request } from '@kolejka/program/http';
import { GridError, printLimits, type TaskId } from '@kolejka/protocol';
import type { Gate } from './gate.ts';
import type { HeldTasks } from './held.ts';
import type { Seats } from './seats.ts';

/** A foreman as it says itself that it stands. */
export interface Status {
  foreman: string;
  server: string;
  pid: number;
  /** Takes no new tasks. */
  draining: boolean;
  /** It was told to end, and does when its tasks have; `resume` does not change that. */
  ending: boolean;
  /** Why it can take none at this time; null when it can. */
  trouble: string | null;
  /** Tasks it holds, also those whose results the server does not have yet. */
  tasks: { task: TaskId; attempt: number; phase: string }[];
  /** How many more may run. */
  places: number;
  /** What is free. */
  free: Record<string, string | number | boolean>;
}

export interface Controlled {
  foreman: string;
  server: string;
  gate: Gate;
  held: HeldTasks;
  seats: Seats;
  /** Aborted when it is told to end. */
  asked: AbortSignal;
}

const COMMANDS = {
  'GET /status': () => undefined,
  'POST /drain': ({ gate }) => gate.shut(),
  'POST /resume': ({ gate }) => gate.open(),
} as const satisfies Record<string, (controlled: Controlled) => void>;

/** Path of the socket of a foreman whose state is in this directory. */
export const controlSocket = (state: string) => path.join(state, 'control');

/**
 * Listens on the socket; whoever has the state directory may replace one that is left.
 * @returns how to close it
 * @throws GridError `bad-config` when it cannot be made
 */
export async function openControl(socket: string, controlled: Controlled): Promise<() => Promise<void>> {
  const server = createServer((asked, answer) => {
    const command = COMMANDS[`${asked.method} ${asked.url}` as keyof typeof COMMANDS] as
      | ((controlled: Controlled) => void)
      | undefined;
    command?.(controlled);
    answer.writeHead(command === undefined ? 404 : 200, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(command === undefined ? {} : statusOf(controlled)));
  });
  await rm(socket, { force: true });
  await listen(server, socket).catch((cause: NodeJS.ErrnoException) => {
    // Longer than 107 bytes, for one: the kernel takes no such name (unix(7)).
    throw new GridError(
      'bad-config',
      `The socket ${socket} cannot be made (${cause.code}): choose a shorter --state.`,
      { cause },
    );
  });
  await chmod(socket, 0o600);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(socket, { force: true });
  };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(socket, resolve);
  });
}

function statusOf({ foreman, server, gate, held, seats, asked }: Controlled): Status {
  const { places, limits } = seats.room();
  return {
    foreman,
    server,
    pid: process.pid,
    draining: gate.isShut || asked.aborted,
    ending: asked.aborted,
    trouble: gate.trouble ?? null,
    tasks: held.report().map(({ task, attempt, phase = 'taken' }) => ({ task: task as TaskId, attempt, phase })),
    places: Math.max(0, places),
    free: printLimits(limits),
  };
}

/**
 * Asks or tells the foreman whose state is in this directory.
 * @throws GridError `foreman-unreachable` when none runs there
 */
export async function control(state: string, command: 'status' | 'drain' | 'resume'): Promise<Status> {
  const method = command === 'status' ? 'GET' : 'POST';
  return await new Promise((resolve, reject) => {
    const asked = request({ socketPath: controlSocket(state), method, path: `/${command}` }, (answer) => {
      json(answer).then((status) => resolve(status as Status), reject);
    });
    asked.on('error', (cause) => {
      reject(
        new GridError(
          'foreman-unreachable',
          `No kolejka-foreman answers in ${state}: start it, or name it with --name and --state.`,
          { cause },
        ),
      );
    });
    asked.end();
  });
}
