/** What the original's server answered to single probes, good and bad, in the order in which they were sent. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Recorded } from '../equivalent.ts';

export interface RecordedProbe extends Recorded {
  name: string;
}

/** What follows was cut off when it was written down. */
const CUT = /\{"task": [^']*x{100}.*$/;

/** `NAME  STATUS {headers} 'body'`, headers and body as Python prints them. Notes and headings are something else. */
const LINE = /^(\S.*?) +(\d{3}) (\{.*?\}) '(.*)'$/;

export function readBattery(): RecordedProbe[] {
  const text = readFileSync(path.join(import.meta.dirname, 'recorded.txt'), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, name, status, headers = '', body = ''] = LINE.exec(line.replace(CUT, "{}'")) ?? [];
    if (name === undefined) return [];
    return [{ name, status: Number(status), headers: pairsOf(headers), body: { text: unescape(body) } }];
  });
}

function pairsOf(printed: string): [string, string][] {
  return [...printed.matchAll(/'([^']*)': '([^']*)'/g)].map(([, name = '', value = '']) => [name, value]);
}

function unescape(printed: string): string {
  return printed.replaceAll('\\n', '\n').replaceAll("\\'", "'");
}
