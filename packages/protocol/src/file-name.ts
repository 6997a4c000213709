/** Names of files in tasks and results: relative paths that cannot lead out of their directory. */
import { GridError } from './errors.ts';

/** The task itself, in its directory. */
export const TASK_FILE = 'kolejka_task.json';
/** The result itself, in its directory. */
export const RESULT_FILE = 'kolejka_result.json';

const LONGEST = 4096;
const LONGEST_PART = 255;

/**
 * A relative path with `/` between its parts, none of them empty, `.` or `..`, no NUL and no lone surrogate.
 *
 * The original does not look at names at all and writes `../x` and `/x` where they point (its defect 3).
 * @throws GridError `bad-value`
 */
export function parseFileName(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new GridError('bad-value', `${field}: expected a file name`, { field });
  const bytes = new TextEncoder();
  const parts = value.split('/');
  const fit =
    !value.includes('\0') &&
    value.isWellFormed() &&
    bytes.encode(value).length <= LONGEST &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..' && bytes.encode(part).length <= LONGEST_PART);
  if (fit) return value;
  const shown = JSON.stringify(value.slice(0, 80));
  throw new GridError('bad-value', `${field}: ${shown} is not a relative path inside the directory`, { field });
}
