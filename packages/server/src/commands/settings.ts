/** What all commands share: the flags that say where the data are, and the settings that come of them. */
import { type CommonFlags, logLevel, openLog } from '@kolejka/program';
import { type Command, Option } from 'commander';
import type { Place } from '../accounts.ts';
import { readServerSettings, type ServerSettings, SETTINGS } from '../config.ts';
import { MESSAGES } from '../messages.ts';

/** Adds `--data`. */
export function withData(command: Command): Command {
  return command.addOption(new Option('--data <dir>', `data directory [env ${SETTINGS.data.env}]`));
}

/** Adds `--json`: one object a line. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, one object a line');
}

/** The settings from flags, environment and file. */
export function settingsOf(command: Command, more: Record<string, unknown> = {}): ServerSettings {
  const flags = command.optsWithGlobals<CommonFlags & { data?: string }>();
  return readServerSettings(flags, { data: flags.data, ...more });
}

export function logOf(command: Command) {
  return openLog('kolejka-server', MESSAGES, { level: logLevel(command.optsWithGlobals<CommonFlags>()) });
}

/** Was `--json` given? */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

export function printJson(...values: readonly unknown[]): void {
  for (const value of values) process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A forgotten --data fills a second database, which nobody would notice before the server refuses the user. */
export async function sayingWhatIsNew<Answer>(place: Place, change: () => Promise<Answer>): Promise<Answer> {
  const { data, database } = place;
  if (database !== undefined) return change();
  const { hasDatabase } = await import('../data-directory.ts');
  const wasThere = hasDatabase(data);
  try {
    return await change();
  } finally {
    if (!wasThere && hasDatabase(data)) {
      process.stderr.write(`There was no database in ${data}: a new one was made (another directory: --data).\n`);
    }
  }
}
