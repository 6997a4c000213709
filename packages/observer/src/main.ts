/** The daemon `kolejka-observer`. */
import {
  commandLine,
  type CommonFlags,
  logLevel,
  openLog,
  openShutdown,
  readConfig,
  realClock,
  runCommandLine,
  runLoop,
} from '@kolejka/program';
import { openCgroups } from './cgroup/index.ts';
import { SETTINGS } from './config.ts';
import { MESSAGES } from './messages.ts';
import { openServer } from './server.ts';
import { Sessions } from './sessions.ts';

const program = commandLine('kolejka-observer', 'Accounts for and limits groups of processes on this node.')
  .option(
    '-s, --socket <path>',
    `unix socket to listen on [env ${SETTINGS.socket.env}] (default ${SETTINGS.socket.default})`,
  )
  .action(async (flags: CommonFlags & { socket?: string }) => {
    const config = readConfig(SETTINGS, {
      section: 'observer',
      chosen: flags.config,
      file: flags.configFile,
      flags: { socket: flags.socket },
    });
    const log = openLog('kolejka-observer', MESSAGES, { level: logLevel(flags) });
    const parts = { cgroups: openCgroups(), clock: realClock, log };
    const sessions = new Sessions(parts);
    const shutdown = openShutdown();
    shutdown.closing('sessions', () => sessions.closeAll());
    try {
      shutdown.closing('socket', await openServer(config.socket, sessions, parts));
    } catch (error) {
      shutdown.ask();
      await shutdown.finished();
      throw error;
    }
    const lookingAfter = runLoop({
      pass: () => sessions.pass(),
      signal: shutdown.asked,
      failed: (error) => log.say('pass failed', { error }),
    });
    shutdown.closing('looking after', () => lookingAfter);
    shutdown.asked.addEventListener('abort', () => log.say('stopping'));
    log.say('listening', { ...config, cgroups: parts.cgroups.version });
    process.stdout.write(`kolejka-observer listens on ${config.socket}\n`);
    await shutdown.finished();
    log.say('stopped');
  });

await runCommandLine(program);
