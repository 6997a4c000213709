/**
 * What all our command lines share: the flags of the original, errors as one sentence on stderr, exit statuses of the
 * error table. Only `--debug` shows a stack trace.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { pathToFileURL } from 'node:url';
import { asGridError, GridError } from '@kolejka/protocol';
import { Command, CommanderError } from 'commander';
import type { Level } from './log.ts';
import { printable } from './printable.ts';

/** The flags every program takes, as `optsWithGlobals` gives them. */
export interface CommonFlags {
  configFile?: string;
  config?: string;
  verbose?: boolean;
  debug?: boolean;
}

/** A command line with the common flags. */
export function commandLine(name: string, about: string): Command {
  return new Command(name)
    .description(about)
    .option('--config-file <file>', 'configuration file in place of kolejka.conf in the usual directories')
    .option('--config <section>', 'section of the configuration file')
    .option('-v, --verbose', 'say more')
    .option('-d, --debug', 'say everything, and show where errors come from')
    .option('--version', 'print the version')
    .on('option:version', () => {
      process.stdout.write(`${readVersion()}\n`);
      throw new CommanderError(0, 'commander.version', '');
    })
    .showHelpAfterError('(--help shows what can be given)')
    .configureHelp({ showGlobalOptions: true });
}

/** The version in the package.json of the program that runs. */
function readVersion(): string {
  const [, started = ''] = process.argv;
  // A program is started by a link in a `bin` directory, which is not below its package.
  const manifest = findPackageJSON(pathToFileURL(realpathSync(started)));
  if (manifest === undefined) throw new GridError('internal', `${started} is in no package`);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** Least level to log, from the flags. */
export function logLevel(flags: CommonFlags): Level {
  return flags.debug === true ? 'debug' : 'info';
}

/** Parses the arguments, runs the command, and sets the exit status. */
export async function runCommandLine(command: Command, argv: readonly string[] = process.argv): Promise<void> {
  exitByError(command);
  // Whoever read it may have gone: the exit status still says how it ended.
  process.stderr.on('error', () => undefined);
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    // What follows upon the first says nothing new.
    process.stdout.on('error', () => undefined);
    // A reader that has gone, as `head` does, has what it wanted.
    if (error.code === 'EPIPE') return;
    const lost = new GridError('internal', `What was to be printed is lost: ${error.code}.`);
    process.stderr.write(`${command.name()}: ${lost.message}\n`);
    process.exitCode = lost.exit;
  });
  try {
    await command.parseAsync([...argv]);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Commander has said its sentence already; --help and --version end here too, with 0.
      process.exitCode = thrown.exitCode === 0 ? 0 : new GridError('usage', '').exit;
      return;
    }
    const error = asGridError(thrown);
    // What a server says may have been written by somebody else.
    process.stderr.write(`${command.name()}: ${printable(sentence(error))}\n`);
    if (command.opts<CommonFlags>().debug === true) console.error(thrown);
    process.exitCode = error.exit;
  }
}

function exitByError(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitByError(child);
}

function sentence(error: GridError): string {
  return error.code === 'internal' ? `something broke here: ${error.message} (--debug shows where)` : error.message;
}
