/** The command line `kolejka-client`. */
import { addLimitFlags, commandLine, runCommandLine } from '@kolejka/program';
import { EXITS, GridError } from '@kolejka/protocol';
import type { Command } from 'commander';
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

const task = program.command('task').description('put and get tasks');
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

const result = program.command('result').description('get results');
withJson(result.command('get'))
  .description('write the result of a task and its files into a directory')
  .argument('<task>', 'identifier of the task')
  .argument('<result_dir>', 'directory for the result')
  .addHelpText('after', resultNote)
  .action(async (id: string, directory: string, _flags: unknown, command: Command) => {
    const { getResult } = await import('./commands/result.ts');
    await getResult(id, directory, command);
  });

const blob = program.command('blob').description('put and get files');
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

await runCommandLine(program);

function withJson(command: Command): Command {
  return command.option('--json', 'print what the server answered, as one line of JSON');
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0 && seconds <= 86_400 && text.trim() !== '') return seconds;
  throw new GridError('usage', `--interval: ${JSON.stringify(text)} is not a number of seconds`, {
    field: '--interval',
  });
}
