/** What was compiled is kept from one start of a program to the next, as the launchers have it. */
import path from 'node:path';

const COMPILED = path.resolve(import.meta.dirname, '../packages/server/node_modules/.cache/compiled');

/** For programs that are started from now on. */
export function keepCompiled(): void {
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
}
