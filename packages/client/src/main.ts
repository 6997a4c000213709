/** The command line `kolejka-client`. */
import { addLimitFlags, commandLine, runCommandLine } from '@kolejka/program';
import { EXITS, GridError, parseDuration, STATES } from '@kolejka/protocol';
import { type Command, Option } from 'commander';
import { addServerFlags } from './commands/settings.ts';

const exits = Object.entries(EXITS).map(([status, meaning]) => `  ${status}  ${meaning}`);
const program = addServerFlags(
  commandLine('kolejka-client', 'Hands tasks to a kolejka server and takes their results.'),
).addHelpText('after', `\nExit status:\n  0  done\n${exits.join('\n')}`);

const taskNote = '\nTASK_DIR holds kolejka_task.json and the files it names.';
const resultNote =
  '\nRESULT_DIR is made where it is not there. Files that the result has are replaced in it, others are left alone;\n' +
  'kolejka_result.json is written last.';

withJson(addLimitFlags(program.command('execute'), 'ceiling'))
  .description('put a task, wait for its result, write it into a directory')
  .argument('<task_dir>', 'task directory')
  .argument('<result_dir>', 'directory for the result')
  .option('--interval <seconds>', 'pause between questions to a server that does not tell by itself', parseInterval, 5)
  .option('--consume', 'remove the task directory once the result is here')
  .addHelpText(
    'after',
    `${taskNote}${resultNote}\nThe exit status is 0 also when the program in the task failed: the result says how it ended. It is 6 when the\nprogram could not be run, with the reason image or infrastructure.`,
  )
  .action(async (taskDirectory: string, resultDirectory: string, _flags: unknown, command: Command) => {
    const { execute } = await import('./commands/execute.ts');
    await execute(taskDirectory, resultDirectory, command);
  });

const task = program.command('task').description('put, get, list, cancel and delete tasks');
withJson(addLimitFlags(task.command('put'), 'ceiling'))
  .description('put a task; prints its identifier')
  .argument('<task_dir>', 'task directory')
  .addHelpText('after', taskNote)
  .action(async (directory: string, _flags: unknown, command: Command) => {
    const { putTask } = await import('./commands/task.ts');
    await putTask(directory, command);
  });
withJson(task.command('get'))
  .description('write a task and its files into a directory')
  .argument('<task>', 'identifier of the task')
  .argument('<task_dir>', 'directory for the task')
  .action(async (id: string, directory: string, _flags: unknown, command: Command) => {
    const { getTask } = await import('./commands/task.ts');
    await getTask(id, directory, command);
  });

withJson(task.command('list'))
  .description('show how tasks stand, the newest first: your own, or all for those who may see them')
  .addOption(new Option('--state <state>', 'only tasks in this state').choices(Object.keys(STATES)))
  .option('--user <name>', "only this user's tasks")
  .option('--image <image>', 'only tasks of this image')
  .option('--since <time>', 'only tasks put since then: 2026-11-22T08:00Z, or 2H for two hours ago', parseTime)
  .option('--before <time>', 'only tasks put before then', parseTime)
  .option('--most <count>', 'most tasks to show', parseMost, 100)
  .action(async (_flags: unknown, command: Command) => {
    const { listTasks } = await import('./commands/task-state.ts');
    await listTasks(command);
  });
withJson(task.command('show'))
  .description('show how a task stands')
  .argument('<task>', 'identifier of the task')
  .action(async (id: string, _flags: unknown, command: Command) => {
    const { showTask } = await import('./commands/task-state.ts');
    await showTask(id, command);
  });
task
  .command('logs')
  .description('print what a task has printed: the last of it while it runs, all of it once it has ended')
  .option('-f, --follow', 'go on until the task has ended')
  .argument('<task>', 'identifier of the task')
  .action(async (id: string, _flags: unknown, command: Command) => {
    const { showLogs } = await import('./commands/logs.ts');
    await showLogs(id, command);
  });
withJson(task.command('cancel'))
  .description('cancel a task that has not ended; it keeps its place in lists')
  .argument('<task>', 'identifier of the task')
  .action(async (id: string, _flags: unknown, command: Command) => {
    const { cancelTask } = await import('./commands/task-state.ts');
    await cancelTask(id, command);
  });
addDelete(task, 'task', 'remove a task and its result; its files stay');

const result = program.command('result').description('get and delete results');
withJson(result.command('get'))
  .description('write the result of a task and its files into a directory')
  .argument('<task>', 'identifier of the task')
  .argument('<result_dir>', 'directory for the result')
  .addHelpText('after', resultNote)
  .action(async (id: string, directory: string, _flags: unknown, command: Command) => {
    const { getResult } = await import('./commands/result.ts');
    await getResult(id, directory, command);
  });

addDelete(result, 'result', 'remove the result of a task; the task is not run again');

const blob = program.command('blob').description('put, get and delete files');
withJson(blob.command('put'))
  .description('put a file; prints the key of a new reference to it')
  .argument('<file>', 'file')
  .action(async (file: string, _flags: unknown, command: Command) => {
    const { putBlob } = await import('./commands/blob.ts');
    await putBlob(file, command);
  });
withJson(blob.command('get'))
  .description('write the bytes of a reference to a file')
  .argument('<reference>', 'key of the reference')
  .argument('<file>', 'file; one that is there is replaced, a fifo or a device is written into')
  .action(async (reference: string, file: string, _flags: unknown, command: Command) => {
    const { getBlob } = await import('./commands/blob.ts');
    await getBlob(reference, file, command);
  });

addDelete(blob, 'blob', 'give a reference up; the file goes when nobody needs it');

const token = program.command('token').description('your own tokens, which stand for you without a password');
withJson(token.command('create'))
  .description('print a new token; it is shown this once')
  .option('--label <label>', 'what it is for')
  .option('--days <days>', 'days until it expires (default: never)', parseDays)
  .action(async (flags: { label?: string; days?: number }, command: Command) => {
    const { createToken } = await import('./commands/token.ts');
    await createToken(flags, command);
  });
withJson(token.command('list'))
  .description('show your tokens: what they are for, until when, when they were used last')
  .action(async (_flags: unknown, command: Command) => {
    const { listTokens } = await import('./commands/token.ts');
    await listTokens(command);
  });
token
  .command('revoke')
  .description('take a token back')
  .argument('<id>', 'its number, see token list', parseId)
  .action(async (id: number, _flags: unknown, command: Command) => {
    const { revokeToken } = await import('./commands/token.ts');
    await revokeToken(id, command);
  });

await runCommandLine(program);

/** As in the original, it is no error when there is nothing to delete. */
function addDelete(parent: Command, what: 'task' | 'result' | 'blob', about: string): void {
  withJson(parent.command('delete'))
    .description(about)
    .argument(
      what === 'blob' ? '<reference>' : '<task>',
      what === 'blob' ? 'key of the reference' : 'identifier of the task',
    )
    .action(async (id: string, _flags: unknown, command: Command) => {
      const { deleteOne } = await import('./commands/delete.ts');
      await deleteOne(what, id, command);
    });
}

function withJson(command: Command): Command {
  return command.option('--json', 'print what the server answered, as one line of JSON');
}

function parseDays(text: string): number {
  const days = Number(text);
  if (days > 0 && days <= 36_500) return days;
  throw new GridError('usage', `--days: ${JSON.stringify(text)} is not a number of days`, { field: '--days' });
}

function parseId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new GridError('usage', `${JSON.stringify(text)} is not the number of a token; see token list`);
}

function parseMost(text: string): number {
  const most = Number(text);
  if (Number.isSafeInteger(most) && most > 0) return most;
  throw new GridError('usage', `--most: ${JSON.stringify(text)} is not a number of tasks`, { field: '--most' });
}

/** ISO 8601, or how long ago. */
function parseTime(text: string): Date {
  const moment = /^\d{4}-/.test(text) ? new Date(text) : new Date(Date.now() - parseDuration(text, 'time'));
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new GridError(
    'usage',
    `${JSON.stringify(text)} is not a time such as 2026-11-22T08:00Z, or 2H for 2 hours ago`,
  );
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0 && seconds <= 86_400 && text.trim() !== '') return seconds;
  throw new GridError('usage', `--interval: ${JSON.stringify(text)} is not a number of seconds`, {
    field: '--interval',
  });
}
