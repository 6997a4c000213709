/** The report of a guest: TAP of one ava after the other, between lines that begin with a mark. */
import { type Finished, readTap } from '../test/tap.ts';
import { NAME_MARK, STATUS_MARK } from './plan.ts';

const END = 'end';

/**
 * Hears a report line by line and tells each test as it is finished, its title behind the name of what it belongs to.
 * `end` answers what is wrong with the report as a whole: nothing, when the guest has come to its end.
 */
export function openReport(finished: (test: Finished) => void): {
  line: (text: string) => void;
  end: () => string | undefined;
} {
  let name: string | undefined;
  let outcomes: Finished['outcome'][] = [];
  const tell = (test: Finished) => {
    outcomes.push(test.outcome);
    finished({ ...test, title: `${name}: ${test.title}` });
  };
  let tap = readTap(tell);
  const judge = (status: string) => {
    tap.end();
    const details = ['  What it said is on the console.'];
    // Ava ends with 1 for tests that failed; with none of those, something happened to itself.
    if (status !== '0' && !outcomes.includes('failed')) {
      tell({ outcome: 'failed', title: `ava ends well (it ended with status ${status})`, details });
    } else if (outcomes.length === 0) tell({ outcome: 'failed', title: 'some test runs', details });
  };
  return {
    line(text) {
      if (text.startsWith(NAME_MARK)) {
        name = text.slice(NAME_MARK.length);
        outcomes = [];
        tap = readTap(tell);
      } else if (text.startsWith(STATUS_MARK)) judge(text.slice(STATUS_MARK.length));
      else tap.line(text);
    },
    end() {
      tap.end();
      if (name === END) return undefined;
      return name === undefined ? 'the guest starts' : `the guest comes to the end (it was at "${name}")`;
    },
  };
}
