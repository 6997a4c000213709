import { asGridError, ERRORS, type ErrorCode, EXITS, GridError, isErrorCode } from '@kolejka/protocol';
import test from 'ava';

const codes = Object.keys(ERRORS) as ErrorCode[];

for (const code of codes) {
  const { status, exit, fault, remedy } = ERRORS[code];

  test(`${code} has a status and an exit status that are documented`, (t) => {
    t.true(Object.hasOwn(EXITS, exit));
    t.true(status === 200 || (status >= 400 && status < 600));
    t.is(new GridError(code, 'x').status, status);
    t.is(new GridError(code, 'x').exit, exit);
  });

  test(`${code} says in one sentence what to do`, (t) => t.regex(remedy, /^[A-Z].*[^.]\.$/));

  test(`${code} is blamed in agreement with its status`, (t) => {
    // 200 is how the original refuses what it knows of.
    t.true({ ours: status >= 500 || status === 200, caller: status < 500, task: true, node: true }[fault]);
  });

  test(`${code} is in kebab-case`, (t) => t.regex(code, /^[a-z]+(-[a-z]+)*$/));
}

test('every exit status of the documents is that of some error, or of a signal', (t) => {
  const used = new Set(codes.map((code) => ERRORS[code].exit));
  t.deepEqual(
    Object.keys(EXITS)
      .map(Number)
      .filter((exit) => exit < 128 && !used.has(exit as never)),
    [],
  );
});

test('a code is known by its name, and no property of every object is one', (t) => {
  t.true(isErrorCode('stale-lease'));
  for (const text of ['no-such-code', '', 'constructor', '__proto__', 1, null, undefined]) t.false(isErrorCode(text));
});

test('anything thrown becomes a GridError that keeps it', (t) => {
  const grid = new GridError('not-found', 'gone', { field: 'id' });
  t.is(asGridError(grid), grid);
  const other = new TypeError('broken');
  t.like(asGridError(other), { code: 'internal', message: 'broken', cause: other });
  t.like(asGridError('text'), { code: 'internal', message: 'text', cause: 'text' });
});
