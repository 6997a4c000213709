/** The files of the checkout: everything but what was installed, built or kept by git. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../root.ts';

const LEFT_OUT = new Set(['node_modules', 'dist', '.git', '.setup']);

/** Paths of all files below `directory`, relative to the root, with `/` between their parts. */
export function listFiles(directory = ''): string[] {
  const entries = readdirSync(path.join(ROOT, directory), { withFileTypes: true });
  return entries
    .filter(({ name }) => !LEFT_OUT.has(name))
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en'))
    .flatMap((entry) => {
      const file = path.posix.join(directory, entry.name);
      return entry.isDirectory() ? listFiles(file) : [file];
    });
}

export function readText(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}
