/** Work that takes turns: so many at a time, the rest in the order it came, and not without end. */
import { GridError } from '@kolejka/protocol';

/**
 * Answers the function that runs a piece of work when its turn has come.
 * @param mostWaiting more are refused with `busy`
 */
export function takeTurns(
  atOnce: number,
  mostWaiting = Number.POSITIVE_INFINITY,
): <Answer>(work: () => Promise<Answer>) => Promise<Answer> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < atOnce) running += 1;
    else if (waiting.length < mostWaiting) await new Promise<void>((resolve) => waiting.push(resolve));
    else throw new GridError('busy', `${mostWaiting} others wait already; try again in a moment.`, { retryAfterS: 1 });
    try {
      return await work();
    } finally {
      // Handed on, not put down: somebody who comes now would take it before the next in line wakes.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
