/**
 * Patterns of image names, in which `*` stands for any characters: `registry.example.org/*`.
 *
 * The original has regular expressions here, and some of them take a name of a few hundred characters hours to refuse.
 * A pattern of ours is looked for from left to right, once: each text between two stars where it comes first.
 */
import { GridError } from '@kolejka/protocol';

/** The texts before, between and after the stars; one text is a name as it is. */
export type Pattern = readonly [string, ...string[]];

/** Names that match are called anew: what the stars of `from` stand for is put in place of those of `to`, in order. */
export interface NameMap {
  from: Pattern;
  to: Pattern;
}

/**
 * A pattern from its text.
 * @throws GridError `bad-value` for what can match no name, such as a regular expression
 */
export function parsePattern(text: string, field: string): Pattern {
  if (/^(?!\.)[\w.\-:/@*]+$/.test(text)) return text.split('*') as unknown as Pattern;
  throw new GridError(
    'bad-value',
    `${field}: ${JSON.stringify(text)} is not a name of images in which * stands for any characters, as registry.example.org/*`,
    { field },
  );
}

/**
 * A map, written `FROM => TO`.
 * @throws GridError `bad-value`
 */
export function parseNameMap(text: string, field: string): NameMap {
  const [from, to, ...more] = text.split('=>').map((side) => side.trim());
  if (from === undefined || to === undefined || more.length > 0) {
    throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not of the form FROM => TO`, { field });
  }
  const map = { from: parsePattern(from, field), to: parsePattern(to, field) };
  if (map.to.length <= map.from.length) return map;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} has more * after => than before`, { field });
}

/** A pattern as its text. */
export function printPattern(pattern: Pattern): string {
  return pattern.join('*');
}

/** A map as its text. */
export function printNameMap({ from, to }: NameMap): string {
  return `${printPattern(from)} => ${printPattern(to)}`;
}

/** What the stars stand for in a name, or undefined when it does not match. */
export function matchPattern([first, ...rest]: Pattern, name: string): string[] | undefined {
  const last = rest.pop();
  if (last === undefined) return name === first ? [] : undefined;
  const end = name.length - last.length;
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return undefined;
  const stars: string[] = [];
  let at = first.length;
  for (const text of rest) {
    const next = name.indexOf(text, at);
    if (next === -1 || next + text.length > end) return undefined;
    stars.push(name.slice(at, next));
    at = next + text.length;
  }
  return [...stars, name.slice(at, end)];
}

/** The name by which an image is known here: every map that fits is applied, in order, as in the original. */
export function mapName(name: string, maps: readonly NameMap[]): string {
  return maps.reduce((before, { from, to }) => {
    const stars = matchPattern(from, before);
    return stars === undefined
      ? before
      : to.map((text, index) => text + (to[index + 1] === undefined ? '' : stars[index])).join('');
  }, name);
}
