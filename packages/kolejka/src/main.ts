/** `kolejka up`: the whole grid on this machine, in the foreground, until Ctrl-C. */
import { homedir } from 'node:os';
import path from 'node:path';
import { commandLine, openShutdown, runCommandLine } from '@kolejka/program';
import { requireRoot } from './fitness.ts';
import type { Grid } from './grid.ts';

const DEFAULT_DATA = path.join(process.env['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share'), 'kolejka');

/** Pause between the two signals to what is left of a broken grid. */
const INSIST_MS = 2000;

const program = commandLine('kolejka', 'A kolejka grid on this machine.');
const up = program
  .command('up')
  .description('run server, observer and foreman here until Ctrl-C, which is exit status 0 at any time')
  .option('--data <directory>', 'what is kept between starts', DEFAULT_DATA)
  .option('--listen <address:port>', 'where the server listens', '127.0.0.1:8000');

up.action(async () => {
  const { data, listen } = up.opts<{ data: string; listen: string }>();
  const shutdown = openShutdown();
  // The terminal may be closed: what cannot be said any more must not keep the programs from being stopped.
  process.stdout.on('error', () => undefined);
  requireRoot();
  const [{ openEngine }, { startGrid }] = await Promise.all([import('@kolejka/worker'), import('./grid.ts')]);
  // Said here, before anything is started, and not in the log of a foreman.
  await openEngine();
  let grid: Grid;
  try {
    grid = await startGrid({ data: path.resolve(data), listen, signal: shutdown.asked });
  } catch (error) {
    if (error !== shutdown.asked.reason) throw error;
    // Ctrl-C is how it ends at any time, so this is no failure.
    process.stdout.write('Stopped before the grid was up.\n');
    return;
  }
  process.stdout.write(await welcome(grid));
  try {
    await Promise.race([aborted(shutdown.asked), grid.broken]);
  } catch (error) {
    // A foreman without its server would wait for it with what runs: so it is asked, and then told.
    setTimeout(() => void grid.stop(), INSIST_MS);
    await grid.stop();
    throw error;
  }
  process.stdout.write('Stopping: running tasks end first, a second Ctrl-C hands them back.\n');
  void aborted(shutdown.insisted).then(() => grid.stop());
  await grid.stop();
});

/** Also when it is aborted already: a signal may come at any moment. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function welcome({ address, configFile, logs }: Grid): Promise<string> {
  const { printClient } = await import('./accounts.ts');
  return [
    `The grid is up at ${address} (Ctrl-C ends it). Logs are in ${logs}.`,
    '',
    'Clients on this machine:',
    `  export KOLEJKA_CONFIG_FILE=${configFile}`,
    '  npx kolejka-client execute examples/hello OUT',
    '',
    'or, in place of the variable, with this in ~/.config/kolejka/kolejka.conf:',
    ...(await printClient(configFile)).map((line) => `  ${line}`),
    '',
    '',
  ].join('\n');
}

await runCommandLine(program);
