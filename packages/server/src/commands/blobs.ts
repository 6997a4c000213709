/** `gc` and `check`. */
import { existsSync } from 'node:fs';
import { printable, realClock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import type { Command } from 'commander';
import type { Checking, Finding } from '../blobs/check.ts';
import type { ServerSettings } from '../config.ts';
import { printJson, sayingWhatIsNew, settingsOf, wantsJson, withData, withJson } from './settings.ts';

export function addBlobCommands(program: Command): void {
  withJson(withData(program.command('gc')))
    .description('collect what nobody needs; the server may be running')
    .addHelpText(
      'after',
      '\nBlobs without a reference are condemned once blob_grace is over, and removed by a run an hour later or more.',
    )
    .action(collectGarbage);
  withJson(withData(program.command('check')))
    .description('hold the bytes on disk against the database; the server may be running')
    .option('--repair', 'repair what can be repaired; damaged files are put aside, not removed')
    .option('--hashes', 'also read every file and compare it with its hash')
    .addHelpText('after', '\nThe exit status is 0 when nothing is wrong any more, else 1.')
    .action(check);
}

async function collectGarbage(_flags: unknown, command: Command): Promise<void> {
  const sweep = await import('../blobs/sweep.ts');
  const settings = settingsOf(command);
  const found = await withKept(settings, (kept) => sweep.collectGarbage(kept, { graceMs: settings.blob_grace }));
  if (wantsJson(command)) return printJson(found);
  const { references, condemned, removed, bytes } = found;
  process.stdout.write(
    `removed ${removed} blobs (${bytes} bytes) and ${references} references; condemned ${condemned} blobs\n`,
  );
}

async function check(flags: { repair?: boolean; hashes?: boolean }, command: Command): Promise<void> {
  const { checkBlobs } = await import('../blobs/check.ts');
  const json = wantsJson(command);
  const wrong = await withKept(settingsOf(command), async (kept) => {
    let left = 0;
    for await (const finding of checkBlobs(kept, flags)) {
      if (!finding.repaired || finding.inUse) left += 1;
      if (json) printJson(finding);
      else process.stdout.write(`${sentence(finding)}\n`);
    }
    return left;
  });
  if (wrong > 0) throw new GridError('store-damaged', `${wrong} things are wrong (kolejka-server check --help).`);
}

function sentence({ finding, about, inUse, repaired }: Finding): string {
  return [finding, printable(about), ...(inUse ? ['in use'] : []), ...(repaired ? ['repaired'] : [])].join(' ');
}

/** Opens the store and the database beside a server that may be at work on them. */
async function withKept<Answer>(settings: ServerSettings, use: (kept: Checking) => Promise<Answer>): Promise<Answer> {
  const { withStore } = await import('../accounts/place.ts');
  const { openDisk, prepareDisk } = await import('../blobs/disk.ts');
  const { makeDataDirectory } = await import('../data-directory.ts');
  const { blobs: root } = await makeDataDirectory(settings.data);
  if (!existsSync(root)) await prepareDisk(root);
  const blobs = openDisk(root);
  try {
    return await sayingWhatIsNew(settings, () =>
      withStore(settings, (store) => use({ store, blobs, clock: realClock, root })),
    );
  } finally {
    await blobs.close();
  }
}
