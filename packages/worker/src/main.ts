/** `kolejka-worker execute TASK RESULT`: one task on this machine, no server. */
import { rmdir } from 'node:fs/promises';
import {
  addLimitFlags,
  commandLine,
  type CommonFlags,
  flagValues,
  limitsIn,
  openLog,
  openShutdown,
  readConfig,
  runCommandLine,
} from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import { CONFIG } from './config.ts';
import { MESSAGES } from './messages.ts';

const program = commandLine('kolejka-worker', 'Runs one task in one container on this machine.');
const execute = program
  .command('execute <task> <result>')
  .description('run the task in directory <task> and write its result to directory <result>')
  .option('--temp <directory>', 'directory for what is needed only while the task runs')
  .option('--pull', 'pull the image even when a local version is there')
  .option('--consume', 'move the files of the task instead of copying them, and remove the task directory')
  .option('--observer <socket>', "the observer's socket");
addLimitFlags(execute, 'ceiling');

execute.action(async (taskDirectory: string, resultDirectory: string) => {
  const flags = execute.optsWithGlobals<CommonFlags & Record<string, unknown> & { consume?: boolean }>();
  const given = flagValues(flags, Object.keys(CONFIG));
  const config = readConfig(CONFIG, { section: 'worker', chosen: flags.config, flags: given, file: flags.configFile });
  const { readTask } = await import('./task-directory.ts');
  const task = await readTask(taskDirectory);

  const [{ closeWorker, openWorker, runTask }, { openPullBar }] = await Promise.all([
    import('./index.ts'),
    import('./pull-bar.ts'),
  ]);
  const log = openLog('kolejka-worker', MESSAGES, {
    level: flags.debug === true ? 'debug' : flags.verbose === true ? 'info' : 'warn',
  });
  const shutdown = openShutdown();
  const context = await openWorker({ log, temp: config.temp, observerSocket: config.observer });
  const bar = openPullBar();
  const result = await runTask(context, {
    task,
    taskDirectory,
    resultDirectory,
    limits: limitsIn(config),
    consume: flags.consume === true,
    pull: config.pull,
    pulling: bar.show,
    cancel: shutdown.asked,
    started: bar.close,
  }).finally(bar.close);
  await closeWorker(context);
  // The directory of runs was made when it was needed and need not stay, unless another worker is using it.
  await rmdir(context.temp).catch(() => undefined);
  if (result.reason === 'image')
    throw new GridError('image-unavailable', result.message ?? 'The image cannot be used.');
  if (result.reason === 'infrastructure')
    throw new GridError('node-unfit', result.message ?? 'This machine could not run the task.');
  if (shutdown.asked.aborted) process.exitCode = 130;
});

await runCommandLine(program);
