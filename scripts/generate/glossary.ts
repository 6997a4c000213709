/** docs/glossary.md: every `@word` of a doc comment in protocol, with the first sentence of that comment. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../root.ts';
import { page, table } from './markdown.ts';

const SOURCES = 'packages/protocol/src';

interface Word {
  word: string;
  sentence: string;
  file: string;
}

export function glossaryPage(): string {
  const files = readdirSync(path.join(ROOT, SOURCES)).filter((file) => file.endsWith('.ts'));
  const words = files.flatMap(wordsOf).toSorted((one, other) => one.word.localeCompare(other.word, 'en'));
  const twice = words.find(({ word }, index) => words[index + 1]?.word === word);
  if (twice !== undefined) throw new Error(`the word "${twice.word}" is defined twice, once in ${twice.file}`);
  return page('The words of the grid', [
    'Each has one meaning, in code, logs and documents. The definition stands where the word is used first.',
    table(
      ['word', 'meaning', 'defined in'],
      words.map(({ word, sentence, file }) => [`**${word}**`, sentence, `[${file}](../${SOURCES}/${file})`]),
    ),
  ]);
}

function wordsOf(file: string): Word[] {
  const text = readFileSync(path.join(ROOT, SOURCES, file), 'utf8');
  return Array.from(text.matchAll(/\/\*\*(.*?)\*\//gs)).flatMap(([, comment = '']) => {
    const plain = comment.replaceAll(/\s*\n\s*\* ?/g, ' ').trim();
    const word = /@word (\S+)/.exec(plain)?.[1];
    if (word === undefined) return [];
    const sentence = /^.*?\.(?=\s|$)/s.exec(plain)?.[0];
    if (sentence === undefined) throw new Error(`${file}: the comment of @word ${word} begins with no sentence`);
    return [{ word, sentence, file }];
  });
}
