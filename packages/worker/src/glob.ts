/**
 * Globs of collect rules, as Python's glob with `recursive=True` has them: `*`, `?`, `[a-z]`, `[!a-z]` within a name,
 * `**` for any directories; names that begin with a dot only match where the pattern says the dot.
 *
 * Patterns and file names both come from strangers, so nothing here backtracks over more than one name: the time is
 * bounded by the length of the pattern times the length of the path.
 */

type Token =
  | { kind: 'any' }
  | { kind: 'one' }
  | { kind: 'set'; negated: boolean; ranges: [string, string][] }
  | { kind: 'is'; character: string };

type Part = '**' | { dot: boolean; tokens: Token[] };

export type Glob = readonly Part[];

/** A glob that can be matched against many paths. */
export function parseGlob(pattern: string): Glob {
  return (
    pattern
      .split('/')
      // `**/**` matches what `**` does; a thousand of them would be a thousand times the work.
      .filter((part, index, parts) => part !== '**' || parts[index - 1] !== '**')
      .map((part) => (part === '**' ? '**' : { dot: part.startsWith('.'), tokens: tokenize(part) }))
  );
}

function tokenize(part: string): Token[] {
  const characters = Array.from(part);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    const close = character === '[' ? endOfSet(characters, at) : -1;
    if (character === '*') tokens.push({ kind: 'any' });
    else if (character === '?') tokens.push({ kind: 'one' });
    else if (close > 0) {
      tokens.push(parseSet(characters.slice(at + 1, close)));
      at = close;
    } else tokens.push({ kind: 'is', character });
  }
  return tokens;
}

/** Index of the `]` that ends the set opened at `at`, or -1: then the `[` stands for itself. */
function endOfSet(characters: string[], at: number): number {
  const first = characters[at + 1] === '!' ? at + 2 : at + 1;
  return characters.indexOf(']', first + 1);
}

function parseSet(characters: string[]): Token {
  const negated = characters[0] === '!';
  const members = negated ? characters.slice(1) : characters;
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return { kind: 'set', negated, ranges };
}

/** Does the path, given as its names, match? */
export function matchesGlob(glob: Glob, names: readonly string[]): boolean {
  // `reached` holds how many parts of the glob may be used up after the names so far.
  let reached = skipDirectories(glob, new Set([0]));
  for (const [index, name] of names.entries()) {
    const next = new Set<number>();
    for (const at of reached) {
      const part = glob[at];
      if (part === '**') {
        // As the last part it takes files too; before others only directories, which every name but the last is.
        if (!name.startsWith('.') && (index < names.length - 1 || at === glob.length - 1)) next.add(at);
      } else if (part !== undefined && matchesName(part, name)) next.add(at + 1);
    }
    reached = skipDirectories(glob, next);
    if (reached.size === 0) return false;
  }
  return reached.has(glob.length);
}

/** `**` may stand for no directory at all. */
function skipDirectories(glob: Glob, reached: Set<number>): Set<number> {
  for (const at of reached) if (glob[at] === '**') reached.add(at + 1);
  return reached;
}

function matchesName({ dot, tokens }: { dot: boolean; tokens: Token[] }, name: string): boolean {
  if (name.startsWith('.') && !dot) return false;
  const characters = Array.from(name);
  let token = 0;
  let at = 0;
  // Where to go on after the last `*` took one character more; earlier stars never need to be reconsidered.
  let retry: { token: number; at: number } | undefined;
  while (at < characters.length) {
    const current = tokens[token];
    if (current?.kind === 'any') {
      token += 1;
      retry = { token, at };
    } else if (current !== undefined && matchesCharacter(current, characters[at] ?? '')) {
      token += 1;
      at += 1;
    } else if (retry !== undefined) {
      retry = { token: retry.token, at: retry.at + 1 };
      ({ token, at } = retry);
    } else return false;
  }
  return tokens.slice(token).every(({ kind }) => kind === 'any');
}

function matchesCharacter(token: Token, character: string): boolean {
  if (token.kind === 'is') return token.character === character;
  if (token.kind === 'set')
    return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated;
  return true;
}
