/**
 * Whether KVM can run a guest here. A /dev/kvm does not say so: on machines that are guests themselves it may be one
 * that ordinary kernels do not start on. So the kernel is started, and must come to its first line.
 */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { type Acceleration, readMade, startMachine } from './machine.ts';

const PATIENCE_MS = 8_000;

/** @param directory for the console of the trial */
export async function findAcceleration(directory: string): Promise<Acceleration> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return 'tcg';
  }
  const console = path.join(directory, 'trial');
  const options = { acceleration: 'kvm', kernelArguments: 'earlyprintk=ttyS0', disks: [], console } as const;
  const trial = startMachine(readMade(), options);
  const ended = new Promise<void>((resolve) => trial.on('close', () => resolve()));
  try {
    const hasStarted = async () => /Linux version|Kernel panic/.test(await readFile(console, 'latin1').catch(() => ''));
    const deadline = performance.now() + PATIENCE_MS;
    while (trial.exitCode === null && trial.signalCode === null && performance.now() < deadline) {
      if (await hasStarted()) return 'kvm';
      await sleep(100);
    }
    return (await hasStarted()) ? 'kvm' : 'tcg';
  } finally {
    trial.kill('SIGKILL');
    await ended;
  }
}
