/** `kolejka up`: the whole grid on this machine, in the foreground, until Ctrl-C. */
import { homedir } from 'node:os';
import path from 'node:path';
import { commandLine, openShutdown, runCommandLine } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

const DEFAULT_DATA = path.join(process.env['XDG_DATA_HOME'] ?? path.join(homedir(), '.local', 'share'), 'kolejka');

const program = commandLine('kolejka', 'A kolejka grid on this machine.');
const up = program
  .command('up')
  .description('run server, observer and foreman here until Ctrl-C')
  .option('--data <directory>', 'what is kept between starts', DEFAULT_DATA)
  .option('--listen <address:port>', 'where the server listens', '127.0.0.1:8000');

up.action(async () => {
  const { data, listen } = up.opts<{ data: string; listen: string }>();
  const directory = path.resolve(data);
  const shutdown = openShutdown();
  // The terminal may be closed: what cannot be said any more must not keep the programs from being stopped.
  process.stdout.on('error', () => undefined);
  const [{ openEngine }, { startGrid }] = await Promise.all([import('@kolejka/worker'), import('./grid.ts')]);
  // Said here, before anything is started, and not in the log of a foreman.
  await openEngine();
  const grid = await startGrid({ data: directory, listen });
  process.stdout.write(await welcome(grid));
  const asked = new Promise<void>((resolve) =>
    shutdown.asked.addEventListener('abort', () => resolve(), { once: true }),
  );
  if (shutdown.asked.aborted) await grid.stop();
  try {
    await Promise.race([asked, grid.broken]);
  } catch (cause) {
    await grid.stop();
    throw new GridError('node-unfit', `${(cause as Error).message}.`, { cause });
  }
  process.stdout.write('Stopping: running tasks end first, a second Ctrl-C hands them back.\n');
  shutdown.insisted.addEventListener('abort', () => void grid.stop(), { once: true });
  await grid.stop();
});

async function welcome({
  address,
  configFile,
  logs,
}: {
  address: string;
  configFile: string;
  logs: string;
}): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const [client = ''] = (await readFile(configFile, 'utf8')).split('\n\n');
  return [
    `The grid is up at ${address} (Ctrl-C ends it). Logs are in ${logs}.`,
    '',
    'Clients on this machine:',
    `  export KOLEJKA_CONFIG_FILE=${configFile}`,
    '  npx kolejka-client execute examples/hello OUT',
    '',
    'Clients elsewhere put this in ~/.config/kolejka/kolejka.conf:',
    ...client.split('\n').map((line) => `  ${line}`),
    '',
    '',
  ].join('\n');
}

await runCommandLine(program);
