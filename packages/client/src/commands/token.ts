/** `token create`, `token list`, `token revoke`. */
import { printTable } from '@kolejka/program';
import type { Command } from 'commander';
import type { NewToken } from '../tokens.ts';
import { withClient } from './settings.ts';

const wantsJson = (command: Command) => command.optsWithGlobals<{ json?: boolean }>().json === true;

export async function createToken(flags: NewToken, command: Command): Promise<void> {
  await withClient(command, async (client) => {
    const made = await client.createToken({ label: flags.label, days: flags.days });
    process.stdout.write(`${wantsJson(command) ? JSON.stringify(made) : made.token}\n`);
  });
}

export async function listTokens(command: Command): Promise<void> {
  await withClient(command, async (client) => {
    const tokens = await client.listTokens();
    if (wantsJson(command)) {
      process.stdout.write(tokens.map((token) => `${JSON.stringify(token)}\n`).join(''));
      return;
    }
    const rows = tokens.map(({ id, label, time_create, time_expire, time_use }) => [
      `${id}`,
      label,
      minute(time_create),
      minute(time_expire),
      minute(time_use),
    ]);
    process.stdout.write(printTable(['id', 'label', 'made (UTC)', 'expires', 'last used'], rows));
  });
}

export async function revokeToken(id: number, command: Command): Promise<void> {
  await withClient(command, async (client) => client.revokeToken(id));
}

function minute(moment: string | null): string {
  return moment?.slice(0, 16).replace('T', ' ') ?? 'never';
}
