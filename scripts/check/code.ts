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
  const plain = source.replaceAll(COMMENT_OR_TEXT, (found) => (isSpecifier(found) ? found : ''));
  return Array.from(plain.matchAll(IMPORT), ([, type, , specifier = '']) => ({
    specifier,
    onlyTypes: type !== undefined,
  }));
}

/** What is imported is named in a plain text without spaces. */
function isSpecifier(found: string): boolean {
  return /^['"]\S*$/.test(found);
}
