/** What a source says, apart from what it says in comments and texts. */

const COMMENT_OR_TEXT = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
const IMPORT = /(?:\b(?:import|export)(\s+type\b)?[\w\s{},*$]*?\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\2/g;

export interface Import {
  specifier: string;
  /** `import type`: nothing is left of it when the program runs. */
  onlyTypes: boolean;
}

/** The source with every comment and every text blanked out; lines stay where they are. */
export function withoutTexts(source: string): string {
  return source.replaceAll(COMMENT_OR_TEXT, (found) => found.replaceAll(/[^\n]/g, ' '));
}

/** What the source imports or exports from: `./a.ts`, `node:fs`, `@kolejka/protocol`. */
export function importsOf(source: string): Import[] {
  // A text may hold `//`, so comments and texts are told apart by whichever begins first.
  const plain = source.replaceAll(COMMENT_OR_TEXT, (found) => (isComment(found) ? '' : found));
  return Array.from(plain.matchAll(IMPORT), ([, type, , specifier = '']) => ({
    specifier,
    onlyTypes: type !== undefined,
  }));
}

function isComment(found: string): boolean {
  return found.startsWith('//') || found.startsWith('/*');
}
