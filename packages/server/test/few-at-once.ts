/**
 * A few tests of a file at a time. Ava begins all of them at once; a hundred servers that open and connect to their
 * database in the same moment have each other run into the bounds that keep a real one from waiting for ever.
 */
import type { ExecutionContext } from 'ava';

const MOST = 8;

const testing = new WeakSet<ExecutionContext>();
const waiting: (() => void)[] = [];
let free = MOST;

/** Waits until the test may begin; it ends with what the test has registered before its end. */
export async function waitForTurn(t: ExecutionContext): Promise<void> {
  // A test that opens several things has one turn: two that wait for each other's second one would wait for ever.
  if (testing.has(t)) return;
  testing.add(t);
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  t.teardown(() => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  });
}
