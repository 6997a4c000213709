/** The report of a guest: TAP of one ava after the other, between lines that begin with a mark. */
import { type Finished, readTap } from '../test/tap.ts';
import { AGAIN_MARK, NAME_MARK, STATUS_MARK } from './plan.ts';

const END = 'end';

/**
 * Hears a report line by line and tells each test as it is finished, its title behind the name of what it belongs to;
 * those that failed when it is sure that they are not run once more. `end` answers what is wrong with the report as a
 * whole: nothing, when the guest has come to its end.
 * @param note hears why tests are run once more
 */
export function openReport(
  finished: (test: Finished) => void,
  note: (sentence: string) => void,
): {
  line: (text: string) => void;
  end: () => string | undefined;
} {
  let name: string | undefined;
  const told = new Set<string>();
  let failed: Finished[] = [];
  let count = 0;
  const hear = (test: Finished) => {
    count += 1;
    const titled = { ...test, title: `${name}: ${test.title}` };
    if (test.outcome === 'failed') failed.push(titled);
    else if (!told.has(titled.title)) {
      told.add(titled.title);
      finished(titled);
    }
  };
  let tap = readTap(hear);
  const begin = () => {
    [failed, count] = [[], 0];
    tap = readTap(hear);
  };
  const judge = (status: string) => {
    tap.end();
    const details = ['  What it said is on the console.'];
    // Ava ends with 1 for tests that failed; with none of those, something happened to itself.
    if (status !== '0' && failed.length === 0) {
      hear({ outcome: 'failed', title: `ava ends well (it ended with status ${status})`, details });
    } else if (count === 0) hear({ outcome: 'failed', title: 'some test runs', details });
    tell();
  };
  const tell = () => {
    for (const test of failed.splice(0)) finished(test);
  };
  return {
    line(text) {
      if (text.startsWith(NAME_MARK)) {
        name = text.slice(NAME_MARK.length);
        begin();
      } else if (text.startsWith(AGAIN_MARK)) {
        note(`${name}: once more, for in this emulated machine a program crashed: ${text.slice(AGAIN_MARK.length)}`);
        begin();
      } else if (text.startsWith(STATUS_MARK)) judge(text.slice(STATUS_MARK.length));
      else tap.line(text);
    },
    end() {
      tap.end();
      tell();
      if (name === END) return undefined;
      return name === undefined ? 'the guest starts' : `the guest comes to the end (it was at "${name}")`;
    },
  };
}
