import test from 'ava';
import type { Finished } from '../../scripts/test/tap.ts';
import { printPlan } from '../../scripts/vm/plan.ts';
import { openReport } from '../../scripts/vm/report.ts';
import type { Suite } from '../../scripts/vm/suites.ts';

function read(text: string): { tests: Finished[]; notes: string[]; problem: string | undefined } {
  const tests: Finished[] = [];
  const notes: string[] = [];
  const report = openReport(
    (finished) => tests.push(finished),
    (sentence) => notes.push(sentence),
  );
  for (const line of text.split('\n')) report.line(line);
  return { tests, notes, problem: report.end() };
}

const OK = 'TAP version 13\nok 1 - it works\n1..1\n';

test('titles of a guest stand behind the name of what they belong to', (t) => {
  const { tests, problem } = read(`#: one\n${OK}#? 0\n#: two\n${OK}#? 0\n#: end`);
  t.is(problem, undefined);
  t.deepEqual(
    tests.map(({ title, outcome }) => [title, outcome]),
    [
      ['one: it works', 'passed'],
      ['two: it works', 'passed'],
    ],
  );
});

const WRONG: [what: string, text: string, title: RegExp][] = [
  ['a test that failed', '#: one\nnot ok 1 - it works\n  ---\n#? 1\n#: end', /^one: it works$/],
  ['an ava that ends badly', `#: one\n${OK}#? 139\n#: end`, /^one: ava ends well \(it ended with status 139\)$/],
  ['an ava without tests', '#: one\n#? 0\n#: end', /^one: some test runs$/],
];
for (const [what, text, title] of WRONG) {
  test(`${what} in a guest is one failed test`, (t) => {
    const { tests, problem } = read(text);
    const failed = tests.filter(({ outcome }) => outcome === 'failed');
    t.is(failed.length, 1);
    t.regex(failed[0]?.title ?? '', title);
    t.is(problem, undefined);
  });
}

test('tests that are run once more count once, and why is said', (t) => {
  const once = 'ok 1 - a\nnot ok 2 - b\n  ---\n';
  const { tests, notes } = read(`#: one\n${once}#! node: fatal signal 11\nok 1 - a\nok 2 - b\nok 3 - c\n#? 0\n#: end`);
  t.deepEqual(
    tests.map(({ title, outcome }) => `${title} ${outcome}`),
    ['one: a passed', 'one: b passed', 'one: c passed'],
  );
  t.is(notes.length, 1);
  t.regex(notes[0] ?? '', /^one: once more.*node: fatal signal 11$/);
  const again = read(`#: one\n${once}#! fatal signal 11\n${once}#? 1\n#: end`).tests;
  t.deepEqual(
    again.map(({ title, outcome }) => `${title} ${outcome}`),
    ['one: a passed', 'one: b failed'],
  );
});

test('a guest that ends early says how far it came', (t) => {
  t.is(read('').problem, 'the guest starts');
  t.is(read(`#: one\n${OK}`).problem, 'the guest comes to the end (it was at "one")');
});

test('the plan of a guest is a script, whatever is in a title', (t) => {
  const suite: Suite = {
    name: 'v2',
    init: 'systemd',
    tests: [{ engine: 'podman', files: ['a.test.ts'], essential: ["it's $HOME"] }],
  };
  t.is(
    printPlan(suite, false),
    `CGROUP_DRIVER=systemd\nexport CGROUP_DRIVER\nrun podman 'v2, podman' 'a.test.ts' '--match=it'\\''s $HOME'\n`,
  );
  t.notRegex(printPlan(suite, true), /--match/);
});
