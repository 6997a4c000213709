/** Nodes that are too old for our programs: what users of published packages may have. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const NEEDED = 24;

export interface SomeNode {
  name: string;
  file: string;
  /** Before the script. */
  args: string[];
}

/** What the launcher sees of an old Node: its version, and what it lacks. */
const LOOKS_OLD = `data:text/javascript,${encodeURIComponent(`
  import module from 'node:module';
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } });
  Object.defineProperty(process, 'version', { value: 'v20.19.0' });
  delete process.execve;
  delete module.enableCompileCache;
`)}`;

/** This Node made to look like 20, and the machine's own where that is too old. */
export function findOldNodes(): SomeNode[] {
  const looksOld = { name: 'a Node that looks like 20', file: process.execPath, args: ['--import', LOOKS_OLD] };
  const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/bin', '/usr/bin'];
  for (const directory of new Set(directories)) {
    const file = path.join(directory, 'node');
    const version = versionOf(file);
    if (version !== undefined && Number(/^v(\d+)/.exec(version)?.[1]) < NEEDED) {
      return [looksOld, { name: `the machine's ${version}`, file, args: [] }];
    }
  }
  return [looksOld];
}

function versionOf(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // Not there, or not for this machine.
  }
}
