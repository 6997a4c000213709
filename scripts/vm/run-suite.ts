/** One guest: starts it, hears its report, and turns it into tests that have finished. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Finished } from '../test/tap.ts';
import { planPath } from './checkout-disk.ts';
import { type Acceleration, readMade, startMachine } from './machine.ts';
import { openReport } from './report.ts';
import { ROOT } from '../root.ts';
import type { Suite } from './suites.ts';

/** A guest that says nothing more is ended; emulated on a busy machine, all takes ten minutes. */
const PATIENCE_MS = 25 * 60_000;
const TAIL_LINES = 30;

export interface SuiteOptions {
  acceleration: Acceleration;
  checkoutDisk: string;
  /** For what belongs to this run. */
  directory: string;
  finished: (test: Finished) => void;
}

/** Runs a suite. That its guest does not come to the end is a failed test too. */
export async function runSuite(suite: Suite, { acceleration, checkoutDisk, directory, finished }: SuiteOptions) {
  const consoleFile = path.join(directory, `${suite.init}.console`);
  const made = readMade();
  const disks = [made.disk, checkoutDisk];
  const machine = startMachine(made, {
    acceleration,
    kernelArguments: kernelArguments(suite),
    disks,
    console: consoleFile,
  });
  const kill = () => machine.kill('SIGKILL');
  process.once('exit', kill);
  const alarm = setTimeout(kill, PATIENCE_MS);
  try {
    const report = openReport(finished, (sentence) => console.log(sentence));
    const complaints = await listen(machine, report.line);
    const problem = report.end();
    if (problem === undefined) return;
    const said = [...complaints.split('\n'), ...(await tailOf(consoleFile))].map((line) => `  ${line}`);
    finished({
      outcome: 'failed',
      title: `${suite.name}: ${problem}`,
      details: ['  The end of its console:', ...said],
    });
  } finally {
    clearTimeout(alarm);
    process.off('exit', kill);
    kill();
  }
}

/** Hands on each line of the report until the machine is off; answers what the emulator itself complained of. */
async function listen(machine: ChildProcess, line: (text: string) => void): Promise<string> {
  const { stdout, stderr } = machine;
  if (stdout === null || stderr === null) throw new Error('The emulator has no output.');
  let complaints = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const lines = createInterface({ input: stdout, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', line);
  await Promise.all([once(machine, 'close'), once(lines, 'close')]);
  return complaints;
}

function kernelArguments(suite: Suite): string {
  const start = path.join(ROOT, 'scripts/vm/guest/start.sh');
  const steps = [
    'mount -t devtmpfs dev /dev',
    `mkdir -p ${ROOT}`,
    `mount /dev/nvme0n2 ${ROOT}`,
    `exec sh ${start} ${suite.init} ${planPath(suite)}`,
  ];
  return `root=/dev/nvme0n1 rw init=/bin/sh -- -c "${steps.join('; ')}"`;
}

async function tailOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.replaceAll('\r', '').trimEnd().split('\n').slice(-TAIL_LINES);
}
