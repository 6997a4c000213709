/** The command line `kolejka-server`. */
import { commandLine, runCommandLine } from '@kolejka/program';
import { EXITS } from '@kolejka/protocol';
import { addBackupCommands } from './commands/backup.ts';
import { addBlobCommands } from './commands/blobs.ts';
import { addServerCommands } from './commands/runserver.ts';
import { addTaskCommands } from './commands/tasks.ts';
import { addTokenCommands } from './commands/tokens.ts';
import { addUserCommands } from './commands/users.ts';

const exits = Object.entries(EXITS).map(([status, meaning]) => `  ${status}  ${meaning}`);
const program = commandLine('kolejka-server', 'Keeps blobs, tasks, results and the queue of the grid.').addHelpText(
  'after',
  `\nAll but runserver work on the same data beside a running server.\n\nExit status:\n  0  done\n${exits.join('\n')}`,
);

addServerCommands(program);
addUserCommands(program);
addTokenCommands(program);
addTaskCommands(program);
addBlobCommands(program);
addBackupCommands(program);

await runCommandLine(program);
