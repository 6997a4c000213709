/** Runs ava and shows each test as it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { ROOT } from '../root.ts';
import { type Finished, type Outcome, readTap } from './tap.ts';

const MARKS: Record<Outcome, string> = {
  passed: styleText('green', '✔'),
  failed: styleText('red', '✘'),
  skipped: styleText('yellow', '-'),
};

/** Shows one test: the seconds since the run began, what came of it, its title. */
export function show({ outcome, title }: Finished): void {
  const seconds = `${process.uptime().toFixed(1).padStart(6)} s`;
  console.log(`${styleText('dim', seconds)} ${MARKS[outcome]} ${title}${outcome === 'skipped' ? ' (skipped)' : ''}`);
}

/** All tests of the files that match, or of all files. That ava itself fails is a failed test too. */
export async function runAva(patterns: readonly string[], directory = ROOT): Promise<Finished[]> {
  const tests: Finished[] = [];
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'ava.mjs'), '--tap', ...patterns], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${path.join(ROOT, 'node_modules/.bin')}${path.delimiter}${process.env['PATH']}` },
  });
  const tap = readTap((test) => {
    tests.push(test);
    show(test);
  });
  const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', tap.line);
  const [[status, signal]] = await Promise.all([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    once(lines, 'close'),
  ]);
  tap.end();
  // Ava ends with 1 for tests that failed; with none of those, something happened to itself.
  if (status !== 0 && !tests.some(({ outcome }) => outcome === 'failed')) {
    const title = `ava ends well (it ended with ${signal ?? `status ${status}`})`;
    tests.push({ outcome: 'failed', title, details: ['  What it said is above.'] });
  }
  return tests;
}
