/** `token create|list|revoke`. */
import { printTable } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import type { Command } from 'commander';
import { printJson, sayingWhatIsNew, settingsOf, wantsJson, withData, withJson } from './settings.ts';

export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('tokens that stand for a user');
  withJson(withData(token.command('create')))
    .description('print a new token of a user; it is shown this once')
    .argument('<name>', 'name of the user')
    .option('--label <label>', 'what the token is for', '')
    .option('--days <days>', 'days until it expires (default: never)', parseDays)
    .action(createToken);
  withJson(withData(token.command('list')))
    .description('show tokens: what they are for, until when, when they were used')
    .argument('[name]', 'name of the user (default: all users)')
    .action(listTokens);
  withData(token.command('revoke'))
    .description('take tokens back: they stand for nobody from now on')
    .argument('<name>', 'name of the user')
    .option('--id <number>', 'the token of this number, see token list', parseId)
    .option('--label <label>', 'tokens with this label')
    .option('--all', 'all tokens of the user')
    .action(revokeTokens);
}

async function createToken(name: string, flags: { label: string; days?: number }, command: Command): Promise<void> {
  const { label, days } = flags;
  const accounts = await import('../accounts.ts');
  const settings = settingsOf(command);
  const asked = { name, label, ...(days !== undefined && { days }) };
  const token = await sayingWhatIsNew(settings, () => accounts.createToken(settings, asked));
  if (wantsJson(command)) return printJson({ token });
  process.stdout.write(`${token}\n`);
}

async function listTokens(name: string | undefined, _flags: unknown, command: Command): Promise<void> {
  const { showTokens } = await import('../accounts/tokens.ts');
  const settings = settingsOf(command);
  const tokens = await sayingWhatIsNew(settings, () => showTokens(settings, name));
  if (wantsJson(command)) return printJson(...tokens);
  const minute = (moment: string | null, never: string) => moment?.slice(0, 16).replace('T', ' ') ?? never;
  const rows = tokens.map(({ id, user, label, time_create, time_expire, time_use }) => [
    `${id}`,
    user,
    label,
    minute(time_create, ''),
    minute(time_expire, 'never'),
    minute(time_use, 'never'),
  ]);
  process.stdout.write(printTable(['id', 'user', 'label', 'made (UTC)', 'expires', 'last used'], rows));
}

async function revokeTokens(
  name: string,
  { id, label, all }: { id?: number; label?: string; all?: boolean },
  command: Command,
): Promise<void> {
  if (id === undefined && label === undefined && all !== true) {
    throw new GridError('usage', 'Say which tokens: --id, --label or --all.');
  }
  const tokens = await import('../accounts/tokens.ts');
  const settings = settingsOf(command);
  const count = await sayingWhatIsNew(settings, () => tokens.revokeTokens(settings, name, { id, label }));
  process.stdout.write(`revoked ${count} ${count === 1 ? 'token' : 'tokens'} of ${name}\n`);
}

function parseDays(text: string): number {
  const days = Number(text);
  if (days > 0 && days <= 36_500) return days;
  throw new GridError('usage', `--days: ${JSON.stringify(text)} is not a number of days`);
}

function parseId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new GridError('usage', `--id: ${JSON.stringify(text)} is not a number of a token; see token list`);
}
