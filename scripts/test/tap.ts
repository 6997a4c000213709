/** Reads the TAP that ava prints, line by line. */

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface Finished {
  outcome: Outcome;
  title: string;
  /** Logs and diagnostics of the test, as ava prints them. */
  details: string[];
}

const TEST = /^(not )?ok \d+ - (.*)$/;
const SKIPPED = / # (?:SKIP|TODO)\b.*$/;

/**
 * A reader of TAP: give it lines, and it tells each test once it has heard everything about it.
 *
 * A skipped test and one that is still to be written are both `skipped`.
 */
export function readTap(finished: (test: Finished) => void): { line: (text: string) => void; end: () => void } {
  let current: Finished | undefined;
  const end = () => {
    if (current !== undefined) finished(current);
    current = undefined;
  };
  return {
    end,
    line(text) {
      const found = TEST.exec(text);
      if (found !== null) {
        end();
        const title = found[2] ?? '';
        const failed = found[1] === undefined ? 'passed' : 'failed';
        current = { outcome: SKIPPED.test(title) ? 'skipped' : failed, title: title.replace(SKIPPED, ''), details: [] };
        if (current.outcome !== 'failed') end();
      } else if (/^(1\.\.\d+|TAP version|# (tests|pass|skip|fail) \d+)/.test(text)) {
        end();
      } else if (text !== '') {
        current?.details.push(text);
      }
    },
  };
}
