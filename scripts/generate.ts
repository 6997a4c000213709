/**
 * Writes the pages of docs/ that a table knows. `--check` writes nothing and fails, naming each page that is old.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { differencesPage } from './generate/differences.ts';
import { errorsPage } from './generate/errors.ts';
import { glossaryPage } from './generate/glossary.ts';
import { httpPage } from './generate/http.ts';
import { limitsPage } from './generate/limits.ts';
import { settingsPage } from './generate/settings.ts';
import { statsPage } from './generate/stats.ts';
import { ROOT } from './root.ts';

const PAGES = {
  'docs/glossary.md': glossaryPage,
  'docs/limits.md': limitsPage,
  'docs/stats.md': statsPage,
  'docs/http.md': httpPage,
  'docs/errors.md': errorsPage,
  'docs/differences.md': differencesPage,
  'docs/settings.md': settingsPage,
} as const;

const checkOnly = process.argv.includes('--check');

for (const [file, write] of Object.entries(PAGES)) {
  const fresh = write();
  if (fresh === readPage(file)) continue;
  if (checkOnly) {
    console.error(`${file} is old: run "npm run generate" and commit it.`);
    process.exitCode = 1;
  } else {
    writeFileSync(path.join(ROOT, file), fresh);
    console.log(`wrote ${file}`);
  }
}

function readPage(file: string): string | undefined {
  try {
    return readFileSync(path.join(ROOT, file), 'utf8');
  } catch {
    return undefined; // Not written yet.
  }
}
