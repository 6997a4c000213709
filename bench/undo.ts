/** What a bench has to take back, however it ends: servers that run, directories that are full. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const undoing: (() => void)[] = [];

/** Registers what takes something back: synchronous, for it must also run when a signal ends the bench. */
export function later(undo: () => void): void {
  undoing.push(undo);
}

/** Takes everything back, the last first. */
export function undoAll(): void {
  for (const undo of undoing.splice(0).toReversed()) undo();
}

/** A directory that lives as long as the bench. TMPDIR says on which disk. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-bench-'));
  later(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** Ctrl-C and SIGTERM leave nothing behind either. */
export function undoOnSignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      undoAll();
      process.kill(process.pid, signal);
    });
  }
}
