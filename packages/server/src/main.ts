/** The command line `kolejka-server`. */
import {
  commandLine,
  type CommonFlags,
  logLevel,
  openLog,
  openShutdown,
  runCommandLine,
  withoutSecrets,
} from '@kolejka/program';
import { GROUP_NAMES, GridError } from '@kolejka/protocol';
import { Option } from 'commander';
import type { Place } from './accounts.ts';
import { printAddress } from './address.ts';
import { readServerSettings, SETTINGS } from './config.ts';
import { MESSAGES } from './messages.ts';

const program = commandLine('kolejka-server', 'Keeps blobs, tasks, results and the queue of the grid.');
const dataFlag = () => new Option('--data <dir>', `data directory [env ${SETTINGS.data.env}]`);

program
  .command('runserver')
  .description('run the server until SIGTERM or Ctrl-C')
  .argument('[address]', 'ADDR:PORT to listen on (default 127.0.0.1:8000; port 0 takes a free one)')
  .addOption(dataFlag())
  .action(async (address: string | undefined, _flags, command) => {
    const { settings, log } = start(command.optsWithGlobals(), { listen: address });
    const { openServer } = await import('./server.ts');
    const shutdown = openShutdown();
    const closing = (name: string, close: () => unknown) => shutdown.closing(name, close);
    try {
      const at = await openServer({ settings, log, closing });
      log.say('listening', { address: printAddress(at), ...withoutSecrets(SETTINGS, settings) });
      const scheme = settings.tls_cert === undefined ? 'http' : 'https';
      process.stdout.write(`kolejka-server listens on ${scheme}://${printAddress(at)}\n`);
      shutdown.asked.addEventListener('abort', () => log.say('stopping'));
    } catch (error) {
      shutdown.ask();
      await shutdown.finished();
      throw error;
    }
    await shutdown.finished();
    log.say('stopped');
  });

const adduser = program
  .command('adduser')
  .description('add a user; the server may be running')
  .argument('<name>')
  .argument('<password>')
  .requiredOption('--email <email>', 'address of the user')
  .addOption(dataFlag())
  .action(async (name: string, password: string, flags: { email: string } & Record<string, unknown>, command) => {
    const { addUser } = await import('./accounts.ts');
    const groups = GROUP_NAMES.filter((group) => flags[group] === true);
    const { settings } = start(command.optsWithGlobals());
    await sayingWhatIsNew(settings, () => addUser(settings, { name, password, email: flags.email, groups }));
    process.stdout.write(`added ${name} in ${settings.data}\n`);
  });
for (const group of GROUP_NAMES) adduser.option(`--${group}`, `make the user one of the ${group}`);

program
  .command('token')
  .description('tokens that stand for a user')
  .command('create')
  .description('print a new token of a user; it is shown this once')
  .argument('<name>', 'name of the user')
  .option('--label <label>', 'what the token is for', '')
  .option('--days <days>', 'days until it expires (default: never)', parseDays)
  .addOption(dataFlag())
  .action(async (name: string, { label, days }: { label: string; days?: number }, command) => {
    const { createToken } = await import('./accounts.ts');
    const token = { name, label, ...(days !== undefined && { days }) };
    const { settings } = start(command.optsWithGlobals());
    process.stdout.write(`${await sayingWhatIsNew(settings, () => createToken(settings, token))}\n`);
  });

/** A forgotten --data fills a second database, which nobody would notice before the server refuses the user. */
async function sayingWhatIsNew<Answer>({ data, database }: Place, change: () => Promise<Answer>): Promise<Answer> {
  if (database !== undefined) return change();
  const { hasDatabase } = await import('./data-directory.ts');
  const wasThere = hasDatabase(data);
  try {
    return await change();
  } finally {
    if (!wasThere && hasDatabase(data)) {
      process.stderr.write(`There was no database in ${data}: a new one was made (another directory: --data).\n`);
    }
  }
}

/** The settings of all commands, and the log. */
function start(flags: CommonFlags & { data?: string }, more: Record<string, unknown> = {}) {
  const settings = readServerSettings(flags, { data: flags.data, ...more });
  return { settings, log: openLog('kolejka-server', MESSAGES, { level: logLevel(flags) }) };
}

function parseDays(text: string): number {
  const days = Number(text);
  if (days > 0 && days <= 36_500) return days;
  throw new GridError('usage', `--days: ${JSON.stringify(text)} is not a number of days`);
}

await runCommandLine(program);
