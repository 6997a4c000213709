/** `npm run -s bench NAME`: measures one part of the grid and says what came out. */
import { runCommandLine } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import { Command } from 'commander';
import { BENCHES } from './benches.ts';
import { describeMachine } from './machine.ts';
import { printJson, printMarkdown, printTable, reportOn } from './report.ts';
import { undoAll, undoOnSignal } from './undo.ts';

interface Flags {
  json?: true;
  markdown?: true;
  quick?: true;
  runs: number;
}

const names = Object.entries(BENCHES).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`);

const program = new Command('bench')
  .argument('<name>', `one of ${Object.keys(BENCHES).join(', ')}`)
  .option('--json', 'print one JSON object as the last line')
  .option('--markdown', 'print rows for the table in docs/performance.md')
  .option('--quick', 'small sizes and one run, to see that it works; the figures say nothing')
  .option('--runs <n>', 'how many times everything is measured', parseRuns, 5)
  .option('--debug', 'show where errors come from')
  .addHelpText('after', `\nBenches:\n${names.join('\n')}`)
  .action(async (name: string, { json, markdown, quick, runs: wanted }: Flags) => {
    const bench = BENCHES[name];
    if (bench === undefined) {
      throw new GridError('usage', `There is no bench ${name}: name one of ${Object.keys(BENCHES).join(', ')}.`);
    }
    const runs = quick ? 1 : wanted;
    undoOnSignal();
    try {
      const say = (what: string) => void process.stderr.write(`${what}\n`);
      const samples = await bench.measure({ runs, quick: quick === true, say });
      const report = reportOn(name, await describeMachine(), runs, samples);
      const print = json ? printJson : markdown ? printMarkdown : printTable;
      process.stdout.write(`${print(report)}\n`);
    } finally {
      undoAll();
    }
  });

function parseRuns(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 100) return runs;
  throw new GridError('usage', `--runs: ${JSON.stringify(text)} is not a number from 1 to 100`);
}

await runCommandLine(program);
