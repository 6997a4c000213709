/** Relative links in markdown lead to files that are there, and to headings in them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../root.ts';
import { listFiles, readText } from './checkout.ts';

const LINK = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm;
const CODE = /^(```|~~~)[\s\S]*?^\1|`[^`\n]*`/gm;

export function checkLinks(): string[] {
  return listFiles()
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => linksOf(readText(file)).flatMap((link) => broken(file, link)));
}

function linksOf(document: string): string[] {
  return Array.from(document.replaceAll(CODE, (code) => code.replaceAll(/[[\]()]/g, ' ')).matchAll(LINK)).map(
    ([, inline, reference]) => inline ?? reference ?? '',
  );
}

function broken(file: string, link: string): string[] {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return []; // Not ours to look at: https:, mailto:.
  const [target = '', anchor] = link.split('#', 2);
  const to = target === '' ? file : path.posix.join(path.posix.dirname(file), decodeURIComponent(target));
  if (to.startsWith('..') || !existsSync(path.join(ROOT, to))) return [`${file}: ${link} leads nowhere`];
  if (anchor === undefined || !to.endsWith('.md') || anchorsOf(readText(to)).has(anchor)) return [];
  return [`${file}: ${link} names a heading that ${to} does not have`];
}

/** Headings as their anchors: lower case, without punctuation, dashes for spaces. */
function anchorsOf(document: string): Set<string> {
  const headings = document.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#+\s+(.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}
