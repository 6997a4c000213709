/** `npm run -s drill`: breaks a real grid on purpose and says whether any task was lost or accepted twice. */
import { runCommandLine } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import { Command, Option } from 'commander';
import { runDrill } from './drill.ts';
import { type Kind, KINDS } from './grid.ts';

const program = new Command('drill')
  .description(
    'Kills, freezes and cuts off a server and three foremen while tasks run, and looks at what came of them.',
  )
  .option('--seconds <n>', 'how long', parseNumber, 60)
  .option('--tasks <n>', 'longer, until so many tasks were put', parseNumber, 1)
  .option('--seed <n>', 'decides what goes wrong, when', parseNumber, 1)
  .addOption(
    new Option('--runner <kind>', 'what runs the tasks: containers, or plain processes, which is only for drills')
      .choices(KINDS)
      .default('process'),
  )
  .option('--json', 'print one JSON object as the last line')
  .option('--debug', 'show where errors come from')
  .action(async (flags: Record<string, unknown>) => {
    const broken = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => broken.abort());
    const { figures, story } = await runDrill({
      kind: flags['runner'] as Kind,
      seed: Number(flags['seed']),
      seconds: Number(flags['seconds']),
      least: Number(flags['tasks']),
      signal: broken.signal,
      say: (what) => void process.stderr.write(`${what}\n`),
    });
    for (const sentence of story) process.stderr.write(`${sentence}\n`);
    if (flags['json'] === true) process.stdout.write(`${JSON.stringify({ name: 'drill', figures })}\n`);
    else for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(14)} ${value}\n`);
    if (story.length > 0) process.exitCode = 1;
  });

function parseNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1 && number < 2 ** 32) return number;
  throw new GridError('usage', `${JSON.stringify(text)} is not a number from 1 on`);
}

await runCommandLine(program);
