/** The daemon `kolejka-observer`. */
import {
  type Clock,
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
import { openCgroups, QuickMoves } from './cgroup/index.ts';
import { defaultState, requireRoot, SETTINGS } from './config.ts';
import { startDetached } from './detach.ts';
import { MESSAGES } from './messages.ts';
import { writePidFile } from './pid-file.ts';
import { Records } from './records.ts';
import { openServer } from './server.ts';
import { Sessions } from './sessions.ts';
import type { TopFlags } from './top.ts';

interface Flags extends CommonFlags {
  socket?: string;
  detach?: boolean;
  pidFile?: string;
  state?: string;
  closeSessions?: boolean;
}

/** Its times mean the same in another process: CLOCK_MONOTONIC, from the boot on. */
const clock: Clock = { ...realClock, monotonic: () => Number(process.hrtime.bigint()) / 1e6 };

const program = commandLine('kolejka-observer', 'Accounts for and limits groups of processes on this node.')
  .option(
    '-s, --socket <path>',
    `unix socket to listen on [env ${SETTINGS.socket.env}] (default ${SETTINGS.socket.default})`,
  )
  .option('--detach', 'run in the background; returns when the socket answers')
  .option('--pid-file <file>', `file to write the pid to [env ${SETTINGS.pid_file.env}]`)
  .option('--state <directory>', `where open sessions are kept for the next observer [env ${SETTINGS.state.env}]`)
  .option('--close-sessions', 'close all sessions at the end, and leave none to the next observer')
  .action(async (flags: Flags) => {
    const { socket, pid_file, ...given } = readConfig(SETTINGS, {
      section: 'observer',
      chosen: flags.config,
      file: flags.configFile,
      flags: { socket: flags.socket, pid_file: flags.pidFile, state: flags.state },
    });
    const state = given.state ?? defaultState(socket);
    requireRoot();
    const shutdown = openShutdown();
    if (flags.detach === true) {
      process.exitCode = await startDetached(shutdown.asked);
      return;
    }
    const log = openLog('kolejka-observer', MESSAGES, { level: logLevel(flags) });
    const cgroups = openCgroups();
    const parts = { cgroups, clock, log, moves: new QuickMoves(), records: await Records.open(state, log) };
    const sessions = new Sessions(parts);
    try {
      if (pid_file !== undefined) shutdown.closing('pid file', writePidFile(pid_file));
      await sessions.takeOver();
      shutdown.closing('sessions', () => (flags.closeSessions === true ? sessions.closeAll() : sessions.leave()));
      shutdown.closing('socket', await openServer(socket, sessions, parts));
    } catch (error) {
      shutdown.ask();
      await shutdown.finished();
      throw error;
    }
    // So that the directory it was started in can be removed, or unmounted.
    process.chdir('/');
    const lookingAfter = runLoop({
      pass: () => sessions.pass(),
      signal: shutdown.asked,
      failed: (error) => log.say('pass failed', { error }),
    });
    shutdown.closing('looking after', () => lookingAfter);
    const sampling = runLoop({
      pass: async () => sessions.sample(),
      signal: shutdown.asked,
      failed: (error) => log.say('pass failed', { error }),
    });
    shutdown.closing('sampling', () => sampling);
    shutdown.asked.addEventListener('abort', () =>
      log.say('stopping', { closeSessions: flags.closeSessions === true }),
    );
    log.say('listening', { socket, pid_file, state, cgroups: cgroups.version, sessions: sessions.size });
    process.stdout.write(`kolejka-observer listens on ${socket}\n`);
    await shutdown.finished();
    log.say('stopped');
  });

program
  .command('top')
  .description('show what sessions and tasks of this node use, until q or Ctrl-C; in a pipe once. For root.')
  .option('--interval <time>', 'pause between two looks', '2s')
  .option('--json', 'print one JSON document and end')
  .action(async (_flags, command: typeof program) => {
    const flags = command.optsWithGlobals<Flags & TopFlags>();
    const { socket } = readConfig(SETTINGS, {
      section: 'observer',
      chosen: flags.config,
      file: flags.configFile,
      flags: { socket: flags.socket },
    });
    const { showTop } = await import('./top.ts');
    await showTop(socket, flags);
  });

await runCommandLine(program);
