/** The signal in an exit code. */
import { constants } from 'node:os';

/** Linux numbers signals up to 64; those from here on have no names but their place (signal(7), "Real-time signals"). */
const [FIRST_REAL_TIME, LAST] = [34, 64];

/** Names by number; where one number has two, the first: SIGABRT, not SIGIOT. */
const NAMES = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

/** Name of the signal that an exit code above 128 tells of, or undefined. A program can exit with such a code, too. */
export function exitSignal(code: number): string | undefined {
  const number = code - 128;
  if (number <= 0 || number > LAST) return undefined;
  const place = number - FIRST_REAL_TIME;
  return NAMES.get(number) ?? (place > 0 ? `SIGRTMIN+${place}` : place === 0 ? 'SIGRTMIN' : `SIG${number}`);
}
