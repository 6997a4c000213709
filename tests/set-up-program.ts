/** Programs that the set-up has found or unpacked for tests, as `scripts/setup/unpacked-program.mjs` notes them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './command.ts';

export interface SetUpProgram {
  program: string;
  /** Directories of libraries that it needs and the machine does not have. */
  libraries: string[];
  /** Why it is not there. */
  missing?: string;
}

export function setUpProgram(name: string): SetUpProgram {
  try {
    return JSON.parse(readFileSync(path.join(ROOT, '.setup', `${name}.json`), 'utf8')) as SetUpProgram;
  } catch {
    return { program: '', libraries: [], missing: `${name} was not set up: npm run setup` };
  }
}
