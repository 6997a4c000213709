/**
 * The text of `kolejka.conf`, in the dialect the original reads it in (Python's configparser).
 *
 * Comments are whole lines that begin with `#` or `;`. A value goes to the end of its line, so a password may hold `;`,
 * `#` and quotes: INI libraries cut there, turn `null` into nothing and take quotes off. Names of values are in any
 * case; a line that is indented deeper than its value goes on with it; `%%` is one `%`.
 */
import { GridError } from '@kolejka/protocol';

/** Section → name → text. */
export type ConfFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

const COMMENT = /^\s*[#;]/;
const SECTION = /^\[(.+)\]\s*$/;
const VALUE = /^(\s*)([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/;

/**
 * Sections and values of a configuration file.
 * @param file name of the file, for errors
 * @throws GridError `bad-config` naming file and line
 */
export function parseConfFile(text: string, file: string): ConfFile {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let open: { name: string; indent: number } | undefined;

  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const refuse = (what: string): never => {
      // The line itself is not shown: it may hold a password.
      throw new GridError('bad-config', `${file}: line ${index + 1} ${what}.`, { field: `line ${index + 1}` });
    };
    if (line.trim() === '' || COMMENT.test(line)) continue;

    const indent = line.length - line.trimStart().length;
    if (section !== undefined && open !== undefined && indent > open.indent) {
      section.set(open.name, `${section.get(open.name) ?? ''}\n${unescape(line.trim())}`);
      continue;
    }
    const header = SECTION.exec(line)?.[1];
    if (header !== undefined) {
      section = sections.get(header) ?? new Map<string, string>();
      sections.set(header, section);
      open = undefined;
      continue;
    }
    const [, , name, value] = VALUE.exec(line) ?? refuse('is neither a [section] nor "name = value"');
    if (section === undefined) refuse('stands before the first [section]');
    open = { name: (name ?? '').toLowerCase(), indent };
    if (section?.has(open.name) === true) refuse(`gives ${open.name} a second time in its section`);
    section?.set(open.name, unescape(value ?? ''));
  }
  return sections;
}

function unescape(value: string): string {
  return value.replaceAll('%%', '%');
}
