/** The files of a task or result: name → where its bytes are. */
import { GridError } from './errors.ts';
import { parseFileName } from './file-name.ts';
import { ReferenceKey } from './identifiers.ts';
import { parseShape } from './shape.ts';

/** Where the bytes of one file are: a path on this machine, a reference on the server, or both. */
export interface FileSource {
  path?: string;
  reference?: ReferenceKey;
}

/** Most files of a result. A worker collects no more; they are looked at in one go, which takes a server 0.1 s. */
export const MOST_FILES = 50_000;

/** A map without a prototype: files may be called `__proto__`. */
export type Files = Record<string, FileSource>;

/**
 * Files from JSON: name → `{path, reference}`, or name → path as a text.
 * @param most how many there may be
 * @throws GridError `bad-value` naming the file
 */
export function parseFiles(value: unknown, field = 'files', most = MOST_FILES): Files {
  const files: Files = Object.create(null) as Files;
  if (value === undefined || value === null) return files;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GridError('bad-value', `${field}: expected an object of name and source`, { field });
  }
  const sources = Object.entries(value);
  if (sources.length > most) {
    throw new GridError('bad-value', `${field}: ${sources.length} files, at most ${most} are possible`, { field });
  }
  for (const [name, source] of sources) {
    const at = `${field}.${name.slice(0, 80)}`;
    files[parseFileName(name, at)] = parseSource(source, at);
  }
  refuseFilesInFiles(files, field);
  return files;
}

/** `a` and `a/b` cannot both be files. @throws GridError `bad-value` naming the inner one */
function refuseFilesInFiles(files: Files, field: string): void {
  // NUL is in no name and sorts first: so a name is followed at once by those below it.
  const names = Object.keys(files).map((name) => name.replaceAll('/', '\0'));
  names.sort();
  for (const [index, outer] of names.entries()) {
    const inner = names[index + 1];
    if (inner?.startsWith(`${outer}\0`) !== true) continue;
    const at = `${field}.${inner.replaceAll('\0', '/').slice(0, 80)}`;
    const taken = outer.replaceAll('\0', '/').slice(0, 80);
    throw new GridError('bad-value', `${at}: ${JSON.stringify(taken)} is a file, not a directory`, { field: at });
  }
}

function parseSource(value: unknown, field: string): FileSource {
  if (typeof value === 'string') return { path: value };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-value', `${field}: expected a path or an object with a reference`, { field });
  }
  const { path, reference } = value as Record<string, unknown>;
  const source: FileSource = {};
  if (path !== undefined && path !== null) {
    if (typeof path !== 'string' || path.includes('\0')) {
      throw new GridError('bad-value', `${field}.path: expected a path`, { field: `${field}.path` });
    }
    source.path = path;
  }
  if (reference !== undefined && reference !== null) {
    source.reference = parseShape(ReferenceKey, reference, `${field}.reference`);
  }
  return source;
}

/** Files as the server writes them: paths of other machines are left out. */
export function printReferences(files: Files): Files {
  return mapFiles(files, ({ reference }) => (reference === undefined ? {} : { reference }));
}

/** The same names with other sources. */
export function mapFiles(files: Files, change: (source: FileSource, name: string) => FileSource): Files {
  const changed: Files = Object.create(null) as Files;
  for (const [name, source] of Object.entries(files)) changed[name] = change(source, name);
  return changed;
}
