/** Flags of the client's settings, and a client made from them. */
import { type CommonFlags, flagValues } from '@kolejka/program';
import { LIMIT_NAMES } from '@kolejka/protocol';
import type { Command } from 'commander';
import { CLIENT_SETTINGS, type ClientConfig, readClientConfig } from '../config.ts';
import type { Client } from '../index.ts';

/** Adds `--server`, `--username`, `--password` and `--token`. */
export function addServerFlags(command: Command): Command {
  return command
    .option('--server <address>', 'address of the server; https:// where it has no scheme [env KOLEJKA_SERVER]')
    .option('--username <name>', 'name of the user [env KOLEJKA_USERNAME]')
    .option('--password <text>', 'password; others see it in the list of processes, so rather [env KOLEJKA_PASSWORD]')
    .option('--token <text>', 'token in place of name and password; rather [env KOLEJKA_TOKEN]');
}

/** What the flags, the environment and the file say. */
function readFlags(command: Command): ClientConfig {
  const flags = command.optsWithGlobals<CommonFlags & Record<string, unknown>>();
  return readClientConfig(flags, flagValues(flags, settingsAmong(command)));
}

/** Settings that are flags of this command. One without ceilings may have other flags of these names: `task list --image`. */
function settingsAmong(command: Command): string[] {
  const hasCeilings = command.options.some(({ long }) => long === '--cpus');
  return Object.keys(CLIENT_SETTINGS).filter(
    (name) => hasCeilings || !(LIMIT_NAMES as readonly string[]).includes(name),
  );
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
