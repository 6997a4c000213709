/** The glossary's words in identifiers and file names: a synonym is a bug. */
import path from 'node:path';
import { withoutTexts } from './code.ts';
import { listFiles, readText } from './checkout.ts';

/** What not to say, and what to say. A word is compared in lower case; an `s` at its end does not matter. */
const SYNONYMS = new Map([
  ['job', 'task'],
  ['runner', 'worker'],
  ['artifact', 'file of the result'],
  ['artefact', 'file of the result'],
  ['assignee', 'foreman'],
  ['node agent', 'foreman'],
]);

/** Names of files that say nothing of what is in them. */
const EMPTY_NAMES = ['util', 'helper', 'lib', 'interface', 'misc', 'common'];

/** Words that are not ours to choose, each with its reason. */
const EXCEPTIONS: Record<string, string> = {
  task_assignees: 'a key of the original’s queue statistics',
  'kolejka-runner.js': 'a command of the original',
};

export function checkWords(): string[] {
  const files = listFiles();
  return [
    ...files.flatMap((file) => inName(file)),
    ...files.filter((file) => /\.(ts|mjs|js)$/.test(file)).flatMap((file) => inCode(file, readText(file))),
  ];
}

/** Words of an identifier or file name: `leaseId`, `lease_id` and `lease-id` are `lease id`. */
function wordsOf(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[^A-Za-z0-9]+/g, ' ')
    .toLowerCase();
}

function synonymIn(name: string): string | undefined {
  const words = ` ${wordsOf(name)} `;
  return [...SYNONYMS.keys()].find((word) => words.includes(` ${word} `) || words.includes(` ${word}s `));
}

function inName(file: string): string[] {
  const synonym = Object.hasOwn(EXCEPTIONS, path.basename(file)) ? undefined : synonymIn(file);
  if (synonym !== undefined) return [`${file}: say "${SYNONYMS.get(synonym)}", not "${synonym}"`];
  const words = wordsOf(file.replace(/^.*\//, '')).split(' ');
  const empty = EMPTY_NAMES.find((word) => words.includes(word) || words.includes(`${word}s`));
  return empty === undefined ? [] : [`${file}: name the file by what is in it, not "${empty}"`];
}

function inCode(file: string, source: string): string[] {
  return withoutTexts(source)
    .split('\n')
    .flatMap((line, index) => {
      const names = line.match(/[A-Za-z_$][\w$]*/g) ?? [];
      return names.flatMap((name) => {
        const synonym = Object.hasOwn(EXCEPTIONS, name) ? undefined : synonymIn(name);
        if (synonym === undefined) return [];
        return [`${file}:${index + 1}: ${name}: say "${SYNONYMS.get(synonym)}", not "${synonym}"`];
      });
    });
}
