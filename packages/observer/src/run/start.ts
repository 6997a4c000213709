/**
 * Starts a program in a session.
 *
 * Nobody may see the program before the session does, and nothing else may count in the session. So `sh` is started
 * outside and waits for a line; it is attached by its pid, to a session that is its own; then it becomes the program: one
 * process with one thread and no memory of its own, counted from the program's first instruction. See docs/decisions/0009.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { asGridError, GridError, type Limits, type Session, type Stats } from '@kolejka/protocol';
import type { Observer } from '../client.ts';
import { type Identity, inherit } from './inherit.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** Where one of the three streams of a program comes from or goes to; `pipe` is for the caller to read or write. */
export type StreamEnd = number | 'inherit' | 'ignore' | 'pipe';

export interface Program {
  /** The program and its arguments. It is looked for as a shell does, in PATH of `env`. */
  args: readonly string[];
  limits?: Limits;
  /** Working directory, as seen from the root. */
  dir?: string;
  /** The whole environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** A new root directory; it has /bin/sh. For root only. */
  root?: string;
  /** Who the program is; groups not named are taken from it. For root only. */
  identity?: Identity;
  umask?: number;
  /** Added to the niceness of this process, -40 to 40. */
  nice?: number;
  /** Called when all is set and the program is about to begin; when it throws, nothing begins. */
  ready?: (about: Reachable) => void;
  stdin?: StreamEnd;
  stdout?: StreamEnd;
  stderr?: StreamEnd;
}

/** What can be done about a program from the moment on at which it may do something. */
export interface Reachable {
  pid: number;
  /** A signal for the program; false when it has ended. */
  signal(signal: NodeJS.Signals): boolean;
  /** Kills all that is in the session. */
  kill(): Promise<void>;
}

export interface Started extends Reachable {
  session: Session;
  stdin: Writable | null;
  stdout: Readable | null;
  stderr: Readable | null;
  /**
   * Fulfilled when the program has ended, what was left of it in the session is killed, and the session is closed. An
   * observer that is being restarted at that moment is waited for; without it there are no statistics.
   */
  ended: Promise<Outcome>;
}

/** The line is the permission to go on. When this process ends before it is written, so does the shell. */
const STARTER = 'read -r _ <&3 || exit 125; exec 3<&-; exec "$@"';
/** What a shell adds to the environment: it is taken away again unless it was given; `_`, which `read` writes, always. */
const ADDED = ['PWD', 'OLDPWD', 'SHLVL'] as const;

/**
 * Opens a session, sets its limits, and runs a program in it. Nothing is left when that fails.
 * @param name what the shell calls itself when it cannot execute the program (126, 127)
 * @throws GridError of the observer's; `usage`, `no-file`, `node-unfit` when the program cannot be started like this
 */
export async function startInSession(observer: Observer, program: Program, name = 'sh'): Promise<Started> {
  const { args, limits = {} } = program;
  if (args[0] === undefined || args[0].startsWith('-')) {
    throw new GridError('usage', `The name of a program does not begin with "-": ${JSON.stringify(args[0] ?? '')}.`);
  }
  const child = await spawnWaiting(program, name);
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  let opened: Session | undefined;
  let reachable: Reachable;
  try {
    // One request in place of three: each is half a millisecond that the program waits.
    const session = await observer.attach(undefined, child.pid, limits);
    opened = session;
    reachable = {
      pid: child.pid ?? -1,
      signal: (signal) => child.kill(signal),
      kill: async () => observer.kill(session),
    };
    program.ready?.(reachable);
  } catch (thrown) {
    child.kill('SIGKILL');
    await exited;
    // Why it failed is told, not that the clearing up did too.
    if (opened !== undefined) await takeDown(observer, opened).catch(() => undefined);
    throw thrown;
  }
  const session = opened;
  (child.stdio[3] as Writable).end('go\n');
  return {
    ...reachable,
    session,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: exited.then(async (exit) => outcomeOf(exit, limits, await takeDown(observer, session).catch(asGridError))),
  };
}

/** How Node says that a process has ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

async function spawnWaiting(program: Program, name: string): Promise<ChildProcess> {
  const {
    args,
    dir,
    env = process.env,
    root,
    nice,
    stdin = 'inherit',
    stdout = 'inherit',
    stderr = 'inherit',
  } = program;
  const added = ['_', ...ADDED.filter((variable) => env[variable] === undefined)];
  const child = await inherit(program, (identity) =>
    spawn('/bin/sh', ['-c', `unset ${added.join(' ')}; ${STARTER}`, name, ...args], {
      ...identity,
      cwd: dir ?? (root === undefined ? process.cwd() : '/'),
      env: { ...env },
      stdio: [stdin, stdout, stderr, 'pipe'],
    }),
  );
  child.stdio[3]?.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) => reject(unstarted(program, error)));
  });
  if (nice !== undefined) beNice(child, nice);
  return child;
}

function beNice(child: ChildProcess, nice: number): void {
  const most = Math.max(-20, Math.min(19, getPriority() + nice));
  try {
    setPriority(child.pid ?? -1, most);
  } catch (cause) {
    child.kill('SIGKILL');
    throw new GridError('usage', `A niceness of ${most} is for root only.`, { field: 'nice', cause });
  }
}

/** Node names the shell in the error, whatever was missing. */
function unstarted({ dir, root }: Program, cause: NodeJS.ErrnoException): GridError {
  const places = [dir ?? '/', ...(root === undefined ? [] : [`/bin/sh in ${root}`])].join(', or ');
  const code = cause.code === 'ENOENT' || cause.code === 'ENOTDIR' ? 'no-file' : 'node-unfit';
  return new GridError(code, `The program cannot be started (${cause.code}): look at ${places}.`, { cause });
}

/** The last stats, of all that was in the session. What is still there is killed: it would go on without limits. */
async function takeDown(observer: Observer, session: Session): Promise<Stats> {
  try {
    return await waitFor(() => observer.close(session));
  } catch (thrown) {
    // The observer has closed it: it has found nobody in it first, or ended before it could answer.
    if (thrown instanceof GridError && thrown.code === 'wrong-secret') return waitFor(() => observer.stats(session));
    throw thrown;
  }
}

/** How long an observer may take to be restarted, and how often it is looked for. */
const RESTART_MS = 10_000;
const PAUSE_MS = 50;

async function waitFor<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + RESTART_MS;
  for (;;) {
    try {
      return await ask();
    } catch (thrown) {
      const isAway = thrown instanceof GridError && thrown.code === 'server-unreachable';
      if (!isAway || performance.now() > deadline) throw thrown;
      await sleep(PAUSE_MS);
    }
  }
}
