/** `adduser`, `passwd` and `user list|disable|enable|quota`. */
import { printTable } from '@kolejka/program';
import { GROUP_NAMES, GridError, parseBytes } from '@kolejka/protocol';
import type { Command } from 'commander';
import { readPassword } from './password.ts';
import { printJson, sayingWhatIsNew, settingsOf, wantsJson, withData, withJson } from './settings.ts';

const PASSWORD_NOTE =
  '\nThe password is better given on standard input, or typed: others see arguments in the list of processes.';

export function addUserCommands(program: Command): void {
  const adduser = withData(program.command('adduser'))
    .description('add a user; the server may be running')
    .argument('<name>')
    .argument('[password]')
    .requiredOption('--email <email>', 'address of the user')
    .addHelpText('after', PASSWORD_NOTE)
    .action(addUser);
  for (const group of GROUP_NAMES) {
    const about = group === 'superuser' ? 'let the user do everything' : `make the user one of the ${group}`;
    adduser.option(`--${group}`, about);
  }

  withData(program.command('passwd'))
    .description('change the password of a user; ends the sessions of the user')
    .argument('<name>')
    .argument('[password]')
    .addHelpText('after', PASSWORD_NOTE)
    .action(changePassword);

  const user = program.command('user').description('users of the server');
  withJson(withData(user.command('list')))
    .description('show all users')
    .action(listUsers);
  withData(user.command('disable'))
    .description('keep a user out at once: no login, and sessions and tokens stand for nobody')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => setDisabled(command, name, true));
  withData(user.command('enable'))
    .description('let a disabled user in again')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => setDisabled(command, name, false));
  withData(user.command('quota'))
    .description('give a user other quotas than the settings say')
    .argument('<name>')
    .option('--pending <tasks>', 'most tasks that wait to be run; "usual" is what quota_pending says', parseQuota)
    .option('--requests <count>', 'most requests a minute; "usual" is what rate_requests says', parseQuota)
    .option('--bytes <size>', 'most bytes to keep, such as 10G; "usual" is what quota_bytes says', parseBytesQuota)
    .action(changeQuotas);
}

async function addUser(name: string, given: string | undefined, flags: { email: string }, command: Command) {
  const chosen = flags as Record<string, unknown>;
  const groups = GROUP_NAMES.filter((group) => chosen[group] === true);
  const settings = settingsOf(command);
  const password = await readPassword(given);
  const accounts = await import('../accounts.ts');
  const user = { name, password, email: flags.email, groups };
  await sayingWhatIsNew(settings, () => accounts.addUser(settings, user));
  process.stdout.write(`added ${name} in ${settings.data}\n`);
}

async function changePassword(name: string, given: string | undefined, _flags: unknown, command: Command) {
  const settings = settingsOf(command);
  const password = await readPassword(given);
  const { setPassword } = await import('../accounts/users.ts');
  await sayingWhatIsNew(settings, () => setPassword(settings, name, password));
  process.stdout.write(`changed the password of ${name}\n`);
}

async function listUsers(_flags: unknown, command: Command): Promise<void> {
  const { showUsers } = await import('../accounts/users.ts');
  const settings = settingsOf(command);
  const users = await sayingWhatIsNew(settings, () => showUsers(settings));
  if (wantsJson(command)) return printJson(...users);
  const rows = users.map(({ name, groups, disabled, email, time_create }) => [
    name,
    groups.join(','),
    disabled ? 'disabled' : '',
    email,
    time_create.slice(0, 10),
  ]);
  process.stdout.write(printTable(['name', 'groups', '', 'email', 'since'], rows));
}

async function setDisabled(command: Command, name: string, disabled: boolean): Promise<void> {
  const users = await import('../accounts/users.ts');
  const settings = settingsOf(command);
  await sayingWhatIsNew(settings, () => users.setDisabled(settings, name, disabled));
  process.stdout.write(`${disabled ? 'disabled' : 'enabled'} ${name}\n`);
}

type Quota = number | 'usual';

interface QuotaFlags {
  pending?: Quota;
  requests?: Quota;
  bytes?: Quota;
}

async function changeQuotas(name: string, { pending, requests, bytes }: QuotaFlags, command: Command) {
  if ([pending, requests, bytes].every((quota) => quota === undefined)) {
    throw new GridError('usage', 'Say which quota: --pending, --requests or --bytes.');
  }
  const { setQuotas } = await import('../accounts/users.ts');
  const settings = settingsOf(command);
  const own = (quota: Quota) => (quota === 'usual' ? null : quota);
  const quotas = {
    ...(pending !== undefined && { quota_pending: own(pending) }),
    ...(requests !== undefined && { rate_requests: own(requests) }),
    ...(bytes !== undefined && { quota_bytes: own(bytes) }),
  };
  await sayingWhatIsNew(settings, () => setQuotas(settings, name, quotas));
  process.stdout.write(`changed the quotas of ${name}\n`);
}

function parseQuota(text: string): Quota {
  if (text === 'usual') return text;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new GridError('usage', `${JSON.stringify(text)} is not a number, and not "usual"`);
}

function parseBytesQuota(text: string): Quota {
  if (text === 'usual') return text;
  const bytes = parseBytes(text, '--bytes');
  if (bytes >= 0) return bytes;
  throw new GridError('usage', `--bytes: ${JSON.stringify(text)} is less than 0`);
}
