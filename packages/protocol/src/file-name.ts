/** Names of files in tasks and results: relative paths that cannot lead out of their directory. */
import { GridError } from './errors.ts';

/** The task itself, in its directory. */
export const TASK_FILE = 'kolejka_task.json';
/** The result itself, in its directory. */
export const RESULT_FILE = 'kolejka_result.json';

/** In bytes, as the kernel counts (PATH_MAX, NAME_MAX in include/uapi/linux/limits.h). */
const LONGEST = 4096;
const LONGEST_PART = 255;

const BYTES = new TextEncoder();

/**
 * A relative path with `/` between its parts, none of them empty, `.` or `..`, no NUL and no lone surrogate.
 *
 * The original does not look at names at all and writes `../x` and `/x` where they point (its defect 3).
 * @throws GridError `bad-value`
 */
export function parseFileName(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new GridError('bad-value', `${field}: expected a file name`, { field });
  const fit = !value.includes('\0') && value.isWellFormed() && fitsIn(value, LONGEST) && value.split('/').every(isPart);
  if (fit) return value;
  const shown = JSON.stringify(value.slice(0, 80));
  throw new GridError('bad-value', `${field}: ${shown} is not a relative path inside the directory`, { field });
}

function isPart(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && fitsIn(part, LONGEST_PART);
}

/** A character has at most three bytes for each of its units, so most names need not be encoded to be measured. */
function fitsIn(text: string, most: number): boolean {
  return text.length * 3 <= most || (text.length <= most && BYTES.encode(text).length <= most);
}
