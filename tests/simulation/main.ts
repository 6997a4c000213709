/** `npm run -s simulate`: histories of a simulated grid in which things go wrong, and what was wrong at their ends. */
import { runCommandLine } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import { Command } from 'commander';
import { simulate } from './simulate.ts';

interface Flags {
  histories: number;
  seed: number;
  json?: true;
}

/** Of so many seeds with violations the sentences are printed. */
const MOST_SHOWN = 10;

const program = new Command('simulate')
  .description('Simulates grids in which processes die and messages get lost, and looks for what must never be.')
  .option('--histories <n>', 'how many', parseNumber, 1000)
  .option('--seed <n>', 'seed of the first; each next one is one more', parseNumber, 1)
  .option('--json', 'print one JSON object as the last line')
  .option('--debug', 'show where errors come from')
  .action(async ({ histories, seed, json }: Flags) => {
    const isTerminal = process.stderr.isTTY;
    const { wrong, tasks, events, stale } = await simulate(seed, histories, (done) => {
      if (isTerminal && done % 10 === 0) process.stderr.write(`\r${done} of ${histories}`);
    });
    if (isTerminal) process.stderr.write('\r\u001b[K');
    for (const { seed: bad, violations } of wrong.slice(0, MOST_SHOWN)) {
      process.stderr.write(`seed ${bad}: ${violations.join('; ')}\n`);
    }
    const violations = wrong.reduce((sum, history) => sum + history.violations.length, 0);
    const figures = { histories, violations, seed: wrong[0]?.seed ?? null, tasks, stale_refused: stale, ...events };
    if (json === true) process.stdout.write(`${JSON.stringify({ name: 'simulate', figures })}\n`);
    else
      for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(14)} ${value ?? '-'}\n`);
    if (violations > 0) process.exitCode = 1;
  });

function parseNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1 && number < 2 ** 32) return number;
  throw new GridError('usage', `${JSON.stringify(text)} is not a number from 1 on`);
}

await runCommandLine(program);
