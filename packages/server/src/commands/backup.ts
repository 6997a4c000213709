/** `backup`. */
import type { Command } from 'commander';
import { printJson, settingsOf, wantsJson, withData, withJson } from './settings.ts';

export function addBackupCommands(program: Command): void {
  withJson(withData(program.command('backup')))
    .description('copy the database and the blobs into a new directory; the server may be running')
    .argument('<directory>', 'directory that is not there yet')
    .option('--verify', 'also read every blob of the copy and compare it with its hash')
    .addHelpText(
      'after',
      '\nBlobs are hard-linked where the directory is on the same disk, else copied. To restore, start a server on the copy.',
    )
    .action(backUp);
}

async function backUp(directory: string, { verify }: { verify?: boolean }, command: Command): Promise<void> {
  const backup = await import('../backup.ts');
  const done = await backup.backUp(settingsOf(command), directory, { verify: verify === true });
  if (wantsJson(command)) return printJson(done);
  const { tasks, results, blobs, bytes } = done;
  process.stdout.write(
    `copied ${tasks} tasks, ${results} results and ${blobs} blobs (${bytes} bytes) to ${directory}\n`,
  );
}
