/** The observer under test: the real program, as a process of its own, on a socket of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startProgram } from 'kolejka';
import { keepCompiled } from './compiled.ts';
import { cpuMsOf, peakBytesOf } from './process-use.ts';
import { later } from './undo.ts';

export interface TestedObserver {
  socket: string;
  stop(): Promise<void>;
  /** Most memory it ever had resident, in bytes. */
  peakBytes(): Promise<number>;
  /** Time its threads have spent on a CPU, in milliseconds. */
  cpuMs(): Promise<number>;
}

/** The observer keeps its state below /run, which is memory on machines that systemd has booted, and only there. */
const MEMORY = '/dev/shm';

export async function startObserver(directory: string): Promise<TestedObserver> {
  keepCompiled();
  const socket = path.join(directory, 'socket');
  const logs = path.join(directory, 'logs');
  await mkdir(logs);
  const state = mkdtempSync(path.join(existsSync(MEMORY) ? MEMORY : directory, 'kolejka-bench-'));
  later(() => rmSync(state, { recursive: true, force: true }));
  const program = await startProgram('observer', { args: ['-s', socket, '--state', state, '--close-sessions'], logs });
  later(() => program.kill());
  return {
    socket,
    stop: () => program.stop(),
    peakBytes: async () => peakBytesOf(program.pid),
    cpuMs: async () => cpuMsOf(program.pid),
  };
}
