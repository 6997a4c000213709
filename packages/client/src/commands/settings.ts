/** Flags of the client's settings, and a client made from them. */
import type { CommonFlags } from '@kolejka/program';
import { LIMIT_NAMES, LIMITS, type LimitName } from '@kolejka/protocol';
import type { Command } from 'commander';
import { type ClientConfig, readClientConfig } from '../config.ts';
import type { Client } from '../index.ts';

/** Adds `--server`, `--username`, `--password` and `--token`. */
export function addServerFlags(command: Command): Command {
  return command
    .option('--server <address>', 'address of the server; https:// where it has no scheme [env KOLEJKA_SERVER]')
    .option('--username <name>', 'name of the user [env KOLEJKA_USERNAME]')
    .option('--password <text>', 'password; others see it in the list of processes, so rather [env KOLEJKA_PASSWORD]')
    .option('--token <text>', 'token in place of name and password; rather [env KOLEJKA_TOKEN]');
}

/** Adds a flag for each limit of the table. */
export function addLimitFlags(command: Command): Command {
  for (const name of LIMIT_NAMES) {
    const { unit, about } = LIMITS[name];
    const value = unit === 'flag' ? 'yes|no' : unit === 'big count' ? 'count' : unit;
    command.option(`--${flagOf(name)} <${value}>`, `ceiling: ${about}`);
  }
  return command;
}

/** What the flags, the environment and the file say. */
function readFlags(command: Command): ClientConfig {
  const flags = command.optsWithGlobals<CommonFlags & Record<string, unknown>>();
  const { server, username, password, token } = flags as Record<string, unknown>;
  const limits = Object.fromEntries(LIMIT_NAMES.map((name) => [name, flags[attributeOf(name)]]));
  return readClientConfig(flags, { server, username, password, token, ...limits });
}

/** Runs with a client of the flags' server, and closes it whatever happens. */
export async function withClient(
  command: Command,
  run: (client: Client, config: ClientConfig) => Promise<void>,
): Promise<void> {
  const config = readFlags(command);
  // What talks HTTP is slow to load, and not needed for --help or a wrong flag.
  const { openClient } = await import('../index.ts');
  const client = openClient(config);
  try {
    await run(client, config);
  } finally {
    await client.close();
  }
}

function flagOf(name: LimitName): string {
  return name.replaceAll('_', '-');
}

/** The name commander gives the flag's value. */
function attributeOf(name: LimitName): string {
  return name.replaceAll(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
}
