/** The flags of `kolejka-runner`, and what they mean. */
import { addLimitFlags, commandLine, type CommonFlags, flagValues, readConfig } from '@kolejka/program';
import { GridError, LIMIT_NAMES, type LimitName, type Limits, parseBytes, parseLimit } from '@kolejka/protocol';
import { SETTINGS } from '../config.ts';
import { identityOf } from './identity.ts';
import type { Program } from './start.ts';
import type { Output } from './streams.ts';

export interface Flags extends CommonFlags {
  socket?: string;
  stdin?: string;
  stdout?: string;
  stderr?: string;
  stdoutAppend?: true;
  stderrAppend?: true;
  stdoutMaxBytes?: string;
  stderrMaxBytes?: string;
  root?: string;
  dir?: string;
  env: string[];
  clearEnv?: true;
  user?: string;
  group?: string;
  groups?: string;
  umask?: string;
  nice?: string;
  session?: true;
  background?: true;
  pidFile?: string;
  statsFile?: string;
  json?: true;
}

const STATUSES = `
The exit status is that of the program, 128 + N when signal N ended it; so it is 137 after the time limit, and mostly
when the kernel killed for memory: stderr says why. 125: the program was not run, stderr says why; 126: it cannot be
executed; 127: it is not there. What of the session still runs when the program has ended is killed.`;

/** The command line; `act` gets the program with its arguments, and the flags. */
export function runFlags(act: (args: string[], flags: Flags) => Promise<void>) {
  const command = commandLine('kolejka-runner', 'Runs a program in a session of the observer.')
    .argument('<program>', 'the program, as a shell finds it')
    .argument('[args...]', 'its arguments')
    .option('-s, --socket <path>', `socket of the observer (default ${SETTINGS.socket.default})`)
    .option('--stdin <file>', 'file that the program reads')
    .option('--stdout <file>', 'file that the program writes to')
    .option('--stderr <file>', 'file for its errors; it may be that of --stdout')
    .option('--stdout-append', 'add to that file; otherwise it is emptied first')
    .option('--stderr-append', 'add to that file; otherwise it is emptied first')
    .option('--stdout-max-bytes <bytes>', 'keep so much; what comes after is read and dropped')
    .option('--stderr-max-bytes <bytes>', 'keep so much; what comes after is read and dropped')
    .option('--root <directory>', 'root directory of the program; it has /bin/sh')
    .option('--dir <directory>', 'working directory of the program, as seen from its root')
    .option('--env <name=value>', 'add to the environment; may be given more than once', gather, [])
    .option('--clear-env', 'begin with an empty environment')
    .option('--user <user>', 'name or number of the user; its groups are left unless they are named')
    .option('--group <group>', 'name or number of the group (default the one of the user)')
    .option('--groups <groups>', 'further groups, separated by commas')
    .option('--umask <octal>', 'what new files are not allowed to be')
    .option('--nice <n>', 'add to the niceness')
    .option('--session', "start a session of the system's for it (setsid): no key of the terminal reaches it by itself")
    .option('--background', 'return when the program has begun; streams that are no files are empty')
    .option('--pid-file <file>', 'holds the pid of the program while it runs')
    .option('--stats-file <file>', 'gets the statistics at the end, as the observer writes them')
    .option('--json', 'end with one line of JSON on stderr: result, reason, message, stats, output')
    .passThroughOptions()
    .addHelpText('after', STATUSES)
    .action(async (program: string, args: string[], flags: Flags) => act([program, ...args], flags));
  return addLimitFlags(command, 'limit of the session');
}

function gather(value: string, before: string[]): string[] {
  return [...before, value];
}

interface Settings {
  socket: string;
  program: Program & { limits: Limits; setsid: boolean };
  files: { stdin: string | undefined; stdout: Output; stderr: Output };
}

/** @throws GridError `bad-value`, `limit-not-kept`, `usage` naming the flag */
export function settingsOf(args: string[], flags: Flags): Settings {
  const chosen = { chosen: flags.config, file: flags.configFile, flags: { socket: flags.socket } };
  const { socket } = readConfig(SETTINGS, { section: 'observer', ...chosen });
  const { root, dir, umask, nice } = flags;
  const identity = identityOf(flags);
  return {
    socket,
    program: {
      args,
      limits: limitsOf(flags),
      setsid: flags.session === true,
      env: { ...(flags.clearEnv === true ? {} : process.env), ...Object.fromEntries(flags.env.map(parseVariable)) },
      ...(root !== undefined && { root }),
      ...(dir !== undefined && { dir }),
      ...(identity !== undefined && { identity }),
      ...(umask !== undefined && { umask: parseWith(/^[0-7]{1,4}$/, umask, '--umask', 'an octal number', 8) }),
      ...(nice !== undefined && { nice: parseWith(/^[+-]?\d{1,2}$/, nice, '--nice', 'a whole number', 10) }),
    },
    files: {
      stdin: flags.stdin,
      stdout: outputOf('--stdout', flags.stdout, flags.stdoutAppend, flags.stdoutMaxBytes),
      stderr: outputOf('--stderr', flags.stderr, flags.stderrAppend, flags.stderrMaxBytes),
    },
  };
}

function outputOf(flag: string, file?: string, append?: true, most?: string): Output {
  if (append === true && file === undefined) throw new GridError('usage', `${flag}-append takes ${flag} beside it.`);
  return { file, append, maxBytes: most === undefined ? undefined : parseBytes(most, `${flag}-max-bytes`) };
}

function parseVariable(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new GridError('bad-value', `--env: ${JSON.stringify(text)} is not NAME=VALUE`, { field: '--env' });
}

function parseWith(form: RegExp, text: string, flag: string, what: string, base: number): number {
  if (form.test(text)) return Number.parseInt(text, base);
  throw new GridError('bad-value', `${flag}: ${JSON.stringify(text)} is not ${what}`, { field: flag });
}

/** Those that only the container engine, or the disk, keeps. */
const NOT_OF_SESSIONS: ReadonlySet<LimitName> = new Set([
  'network',
  'storage',
  'image',
  'workspace',
  'gpus',
  'gpus_offset',
  'gpu_memory',
]);

function limitsOf(flags: Flags): Limits {
  const given = flagValues({ ...flags }, LIMIT_NAMES);
  const names = LIMIT_NAMES.filter((name) => given[name] !== undefined);
  const flagOf = (name: LimitName) => `--${name.replaceAll('_', '-')}`;
  const foreign = names.find((name) => NOT_OF_SESSIONS.has(name));
  if (foreign !== undefined) {
    const field = flagOf(foreign);
    throw new GridError('limit-not-kept', `${field}: this limit is one of tasks; a session does not keep it.`, {
      field,
    });
  }
  return Object.fromEntries(names.map((name) => [name, parseLimit(name, given[name], flagOf(name))]));
}
