/** `kolejka-foreman`: governs this node: takes tasks that fit, runs them, hands in their results. */
import {
  addLimitFlags,
  commandLine,
  type CommonFlags,
  flagValues,
  keepHeapSmall,
  logLevel,
  openLog,
  openServiceManager,
  openShutdown,
  runCommandLine,
} from '@kolejka/program';
import type { TellFlags } from './tell.ts';

type Flags = CommonFlags & Record<string, unknown>;

const program = commandLine('kolejka-foreman', 'Governs this node: takes tasks that fit and runs them.')
  .option('--server <address>', 'address of the server')
  .option('--username <name>', 'name of the user on the server')
  .option('--password <password>', 'password of the user')
  .option('--token <token>', 'token of the user, in place of name and password')
  .option('--name <name>', 'name of this foreman; the hostname when not given')
  .option('--concurency <count>', 'most tasks at one time')
  .option('--interval <seconds>', 'pause between questions to a server of the original')
  .option('--tags <tags>', 'tags of this node, separated by commas')
  .option('--auto-tags <flag>', 'add the tags of this machine (cpu, cpus, gpu, gpus, hostname, kernel): true or false')
  .option('--pull', 'pull images even when a local version is there')
  .option('--temp <directory>', 'directory for what is needed only while tasks run')
  .option('--state <directory>', 'directory for what must outlive a restart')
  .option('--cache <bytes>', "most bytes of tasks' files that are kept for tasks to come; 0 keeps none")
  .option('--observer <socket>', "the observer's socket");
addLimitFlags(program, 'offer');

program.action(async () => {
  keepHeapSmall();
  const flags = program.opts<Flags>();
  const { FOREMAN_SETTINGS, readForemanConfig } = await import('./config.ts');
  const values = flagValues(flags, Object.keys(FOREMAN_SETTINGS));
  const config = readForemanConfig(flags, values);
  const [{ MESSAGES }, { openForeman }] = await Promise.all([import('./messages.ts'), import('./foreman.ts')]);
  const log = openLog('kolejka-foreman', MESSAGES, { level: logLevel(flags) });
  const shutdown = openShutdown();
  const foreman = await openForeman(config, { log, shutdown });
  process.stdout.write(`kolejka-foreman ${config.name} takes tasks from ${config.server}\n`);
  const manager = openServiceManager(process.env);
  shutdown.asked.addEventListener('abort', () => manager.stopping(), { once: true });
  shutdown.closing('service manager', () => manager.close());
  manager.ready();
  await foreman.finished;
});

for (const [name, about] of [
  ['status', 'say what the foreman on this node does'],
  ['drain', 'let the foreman on this node take no new tasks, until resume or its next start'],
  ['resume', 'let the foreman on this node take tasks again'],
] as const) {
  const command = program.command(name).description(about).option('--json', 'print one JSON object');
  if (name === 'drain') command.option('--wait', 'wait until no task is left');
  command.action(async () => {
    const flags = command.optsWithGlobals<Flags & TellFlags>();
    const [{ FOREMAN_SETTINGS, readForemanPlace }, { tellForeman }] = await Promise.all([
      import('./config.ts'),
      import('./tell.ts'),
    ]);
    const { state } = readForemanPlace(flags, flagValues(flags, Object.keys(FOREMAN_SETTINGS)));
    await tellForeman(state, name, flags);
  });
}

await runCommandLine(program);
