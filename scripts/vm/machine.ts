/** The emulator: one guest from its start to its end. Nothing of it outlives this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../root.ts';

/** What the set-up has left (scripts/setup/machine.mjs). */
interface Made {
  emulator: { program: string; libraries: string[]; firmware: string[]; modules?: string };
  kernel: string;
  disk: string;
}

export const ACCELERATIONS = {
  kvm: ['-accel', 'kvm', '-cpu', 'host'],
  // Without protection keys: V8 guards the code it makes with them, and emulated it was seen to fall over that (SIGSEGV).
  tcg: ['-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', 'max,pku=off'],
} as const;
export type Acceleration = keyof typeof ACCELERATIONS;

/** Processors and MiB of a guest: tests pin tasks to the second processor. */
const PROCESSORS = '2';
const MEMORY = '2048';

/**
 * An emulated timer may be late by more than the kernel takes for a working one (no_timer_check). AppArmor and SELinux,
 * where they are on, want programs and rules that the guest has not.
 */
const KERNEL_ARGUMENTS =
  'console=ttyS0 quiet panic=-1 psi=1 apparmor=0 selinux=0 no_timer_check rcupdate.rcu_cpu_stall_suppress=1';

export interface MachineOptions {
  acceleration: Acceleration;
  /** What the kernel is told, beside where its console is. */
  kernelArguments: string;
  /** Files that are the guest's disks, in order; what it writes there is forgotten. The first is its root. */
  disks: readonly string[];
  /** Where the console goes. */
  console: string;
}

export function readMade(): Made {
  return JSON.parse(readFileSync(path.join(ROOT, '.setup/machine.json'), 'utf8')) as Made;
}

/** Starts a guest. Its second serial line is the stdout of the process; the emulator's own complaints are its stderr. */
export function startMachine(made: Made, options: MachineOptions): ChildProcess {
  const { emulator, kernel } = made;
  const args = [
    ...emulator.firmware.map((directory) => ['-L', directory]),
    ['-machine', 'q35', '-smp', PROCESSORS, '-m', MEMORY],
    ACCELERATIONS[options.acceleration],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-serial', `file:${options.console}`, '-serial', 'stdio'],
    ['-kernel', kernel, '-append', `${KERNEL_ARGUMENTS} ${options.kernelArguments}`],
    // One controller: its disks have their numbers in order.
    ['-device', 'nvme,id=disks,serial=disks'],
    ...options.disks.map(driveArguments),
  ].flat();
  // The kernel ends it should this process be killed.
  return spawn('setpriv', ['--pdeathsig=KILL', emulator.program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: path.dirname(options.console),
    env: {
      ...process.env,
      ...(emulator.libraries.length > 0 && { LD_LIBRARY_PATH: emulator.libraries.join(':') }),
      ...(emulator.modules !== undefined && { QEMU_MODULE_DIR: emulator.modules }),
    },
  });
}

function driveArguments(file: string, index: number): string[] {
  const id = `disk${index + 1}`;
  const drive = `file=${file},id=${id},if=none,format=raw,snapshot=on,cache=unsafe`;
  return ['-drive', drive, '-device', `nvme-ns,drive=${id},bus=disks,nsid=${index + 1}`];
}
