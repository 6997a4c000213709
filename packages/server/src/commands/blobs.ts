/** `gc`. */
import { realClock } from '@kolejka/program';
import type { Command } from 'commander';
import type { Store } from '../database/store.ts';
import { printJson, sayingWhatIsNew, settingsOf, wantsJson, withData, withJson } from './settings.ts';

export function addBlobCommands(program: Command): void {
  withJson(withData(program.command('gc')))
    .description('collect what nobody needs; the server may be running')
    .addHelpText(
      'after',
      '\nBlobs without a reference are condemned once blob_grace is over, and removed by a run an hour later or more.',
    )
    .action(collectGarbage);
}

async function collectGarbage(_flags: unknown, command: Command): Promise<void> {
  const { withStore } = await import('../accounts/place.ts');
  const { openDisk, prepareDisk } = await import('../blobs/disk.ts');
  const sweep = await import('../blobs/sweep.ts');
  const { makeDataDirectory } = await import('../data-directory.ts');
  const settings = settingsOf(command);
  const directory = await makeDataDirectory(settings.data);
  await prepareDisk(directory.blobs);
  const blobs = openDisk(directory.blobs);
  const collect = async (store: Store) => {
    try {
      return await sweep.collectGarbage({ store, blobs, clock: realClock }, { graceMs: settings.blob_grace });
    } finally {
      await blobs.close();
    }
  };
  const found = await sayingWhatIsNew(settings, () => withStore(settings, collect));
  if (wantsJson(command)) return printJson(found);
  const { references, condemned, removed, bytes } = found;
  process.stdout.write(
    `removed ${removed} blobs (${bytes} bytes) and ${references} references; condemned ${condemned} blobs\n`,
  );
}
