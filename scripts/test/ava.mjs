// Starts ava. Its 8.0.1 falls over its own TAP reporter when a test hangs or calls process.exit(): that hands on a bare
// Error where the others hand on a description of one, and all tests that were still to come are lost.
import TapReporter from '../../node_modules/ava/lib/reporters/tap.js';

const { writeTest } = TapReporter.prototype;
TapReporter.prototype.writeTest = function writeDescribed(event, flags) {
  const { err } = event;
  const described =
    err instanceof Error ? { type: 'native', name: err.name, originalError: err, stack: err.stack } : err;
  writeTest.call(this, { ...event, err: described }, flags);
};

await import('../../node_modules/ava/entrypoints/cli.js');
