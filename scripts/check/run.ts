/** Runs all parts of the check at once and says what each found. */
import { styleText } from 'node:util';
import { checkDirections } from './directions.ts';
import { checkFileNames } from './file-names.ts';
import { checkLinks } from './links.ts';
import { runTool } from './tool.ts';
import { checkWords } from './words.ts';

/** A part answers what is wrong, a line or more for each problem. */
type Part = () => string[] | Promise<string[]>;

const PARTS: Record<string, Part> = {
  types: () => runTool('tsc', '--build'),
  lint: () => runTool('oxlint', '--quiet'),
  format: () => runTool('biome', 'format', '.'),
  'unused code': () => runTool('knip', '--no-progress', '--no-config-hints'),
  'import directions': checkDirections,
  'house words': checkWords,
  'file names': checkFileNames,
  'links in documents': checkLinks,
  'generated documents': () => runTool('node', '--conditions=kolejka-source', 'scripts/generate.ts', '--check'),
};

/** Answers whether all is well; prints a line for each part as it ends, and at the end what is wrong. */
export async function runCheck(): Promise<boolean> {
  const reports = await Promise.all(
    Object.entries(PARTS).map(async ([name, part]) => {
      const started = performance.now();
      const problems = await part();
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const mark = problems.length === 0 ? styleText('green', '✔') : styleText('red', '✘');
      console.log(`${mark} ${name} ${styleText('dim', `${seconds} s`)}`);
      return { name, problems };
    }),
  );
  const failed = reports.filter(({ problems }) => problems.length > 0);
  for (const { name, problems } of failed) console.log(`\n${styleText('red', `✘ ${name}`)}\n${problems.join('\n')}`);
  return failed.length === 0;
}
