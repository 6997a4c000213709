/** The checkout as a disk for guests: sources, packages, and the plan of each guest. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../root.ts';
import { printPlan } from './plan.ts';
import type { Suite } from './suites.ts';

/** Of a checkout with its packages; tests write less than what is over. */
const SIZE = '2G';

/** Where a suite's plan is, in the checkout. */
export const planPath = ({ init }: Suite) => path.join(ROOT, '.setup/guest', `${init}.sh`);

/** Writes the disk. It is mounted where the checkout is here, so that what was compiled here need not be there again. */
export async function makeCheckoutDisk(file: string, suites: readonly Suite[], all: boolean): Promise<void> {
  for (const suite of suites) {
    await mkdir(path.dirname(planPath(suite)), { recursive: true });
    await writeFile(planPath(suite), printPlan(suite, all));
  }
  const options = ['-q', '-F', '-O', '^has_journal', '-E', 'lazy_itable_init=1', '-d', ROOT];
  const places = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  await promisify(execFile)('mkfs.ext4', [...options, file, SIZE], { env: places });
}
