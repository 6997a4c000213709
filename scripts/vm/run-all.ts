/** All guests, side by side: each is mostly busy with one processor. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../root.ts';
import type { Finished } from '../test/tap.ts';
import { findAcceleration } from './acceleration.ts';
import { makeCheckoutDisk } from './checkout-disk.ts';
import { runSuite } from './run-suite.ts';
import { SUITES } from './suites.ts';

export interface MachineTests {
  /** Also what is not essential, however slow the machine. */
  all?: boolean | undefined;
  /** Only guests whose name contains this. */
  only?: string | undefined;
  finished: (test: Finished) => void;
}

/** Sets up what guests need and runs their tests. That a machine cannot be had is a failed test, never a skipped one. */
export async function runInMachines(options: MachineTests): Promise<void> {
  const setup = spawnSync(process.execPath, [path.join(ROOT, 'scripts/setup.mjs'), '--vm'], { encoding: 'utf8' });
  const said = `${setup.stdout}${setup.stderr}`.trim();
  if (setup.status !== 0) {
    const details = said.split('\n').map((line) => `  ${line}`);
    return options.finished({ outcome: 'failed', title: 'the virtual machine is set up', details });
  }
  if (said !== '') console.log(said);
  await withTemporaryDirectory((directory) => runGuests(options, directory));
}

async function runGuests({ all = false, only = '', finished }: MachineTests, directory: string): Promise<void> {
  const acceleration = await findAcceleration(directory);
  const isAll = all || acceleration === 'kvm';
  const which = isAll ? 'all tests' : 'the essential tests';
  const how = acceleration === 'kvm' ? 'with KVM' : 'emulated, for KVM starts no kernel here';
  console.log(`In virtual machines, ${which}, ${how}:`);
  const suites = SUITES.filter(({ name }) => name.includes(only));
  const checkoutDisk = path.join(directory, 'checkout');
  await makeCheckoutDisk(checkoutDisk, suites, isAll);
  const options = { acceleration, checkoutDisk, directory, finished };
  await Promise.all(suites.map((suite) => runSuite(suite, options)));
}

/** Gone afterwards, also when this is interrupted: a signal ends in an exit, and that in the clean-up. */
async function withTemporaryDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-machine-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  try {
    await use(directory);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
