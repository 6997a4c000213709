/** A Node of the machine that is too old for our programs: what users of published packages may have. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const NEEDED = 24;

/** The first such Node on PATH or in the usual directories, or undefined. */
export function findOldNode(): { file: string; version: string } | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/bin', '/usr/bin'];
  for (const directory of new Set(directories)) {
    const file = path.join(directory, 'node');
    const version = versionOf(file);
    if (version !== undefined && Number(/^v(\d+)/.exec(version)?.[1]) < NEEDED) return { file, version };
  }
  return undefined;
}

function versionOf(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // Not there, or not for this machine.
  }
}
