/** `runserver`. */
import { openShutdown, withoutSecrets } from '@kolejka/program';
import type { Command } from 'commander';
import { printAddress } from '../address.ts';
import { SETTINGS } from '../config.ts';
import { logOf, settingsOf, withData } from './settings.ts';

export function addServerCommands(program: Command): void {
  withData(program.command('runserver'))
    .description('run the server until SIGTERM or Ctrl-C')
    .argument('[address]', 'ADDR:PORT to listen on (default 127.0.0.1:8000; port 0 takes a free one)')
    .action(async (address: string | undefined, _flags: unknown, command: Command) => runServer(command, address));
}

async function runServer(command: Command, address: string | undefined): Promise<void> {
  const settings = settingsOf(command, { listen: address });
  const log = logOf(command);
  const { openServer } = await import('../server.ts');
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
}
