// Starts ava. Its 8.0.1 falls over its own TAP reporter when a test hangs or calls process.exit(): that hands on a bare
// Error where the others hand on a description of one, and all tests that were still to come are lost. So they are when
// an error has no place in its stack, as some of libraries have.
import { inspect, stripVTControlCharacters } from 'node:util';
import TapReporter from '../../node_modules/ava/lib/reporters/tap.js';

/** The error as the reporter can write any: as a text. */
function asText(err) {
  const { formattedDetails = [], originalError = err, stack } = err;
  const details = formattedDetails.map(({ label, formatted }) => `${label}\n${formatted}`);
  const text = [...details, stack ?? inspect(originalError)].join('\n');
  return { type: 'unknown', formattedError: stripVTControlCharacters(text) };
}

for (const name of ['writeTest', 'writeCrash']) {
  const write = TapReporter.prototype[name];
  TapReporter.prototype[name] = function writeDescribed(event, more) {
    const { err } = event;
    const described =
      err instanceof Error ? { type: 'native', name: err.name, originalError: err, stack: err.stack } : err;
    const before = { index: this.i, crashes: this.crashCount };
    try {
      write.call(this, { ...event, err: described }, more);
    } catch (error) {
      if (err === undefined) throw error;
      [this.i, this.crashCount] = [before.index, before.crashes];
      write.call(this, { ...event, err: asText(err) }, more);
    }
  };
}

await import('../../node_modules/ava/entrypoints/cli.js');
