/** docs/errors.md: codes, exit statuses, reasons why a task ended, and the life of a task. */
import { ERRORS, EXITS, MOVE_NAMES, MOVES, NOTES, REASONS, STATES } from '@kolejka/protocol';
import { code, page, table } from './markdown.ts';

const FAULTS = { caller: 'the caller', task: 'the task', node: 'the node', ours: 'us' } as const;

export function errorsPage(): string {
  const rows = Object.entries(ERRORS);
  return page('Errors, reasons and states', [
    '## Exit statuses',
    'Every command line ends with one of these, and says in one sentence on stderr what to do.',
    table(['status', 'meaning'], [['0', 'success'], ...Object.entries(EXITS)]),
    '## Error codes',
    'A refused request answers `{"message", "code", "field"?, "status": "FAIL"}`. Some codes have HTTP status 200: the original answers so, and its clients read the message only then.',
    table(
      ['code', 'HTTP', 'exit', 'at fault', 'what to do'],
      rows.map(([name, { status, exit, fault, remedy }]) => [
        code(name),
        `${status}`,
        `${exit}`,
        FAULTS[fault],
        remedy,
      ]),
    ),
    '## Why a task ended',
    'A task that fails is no error: it has a result. `reason` in `kolejka_result.json` says why it ended; the first reason wins. `result` is the exit code of the program, whatever the reason: 128 + the number of the signal where one ended it, and then `signal` names it. Both are absent when the program was never started.',
    table(
      ['reason', 'meaning', 'what to do'],
      Object.entries(REASONS).map(([name, { about, remedy }]) => [code(name), about, remedy]),
    ),
    '## The life of a task',
    table(
      ['state', 'meaning'],
      Object.entries(STATES).map(([name, about]) => [code(name), about]),
    ),
    'Every move is a numbered row of the event log. A move that is not here does not exist.',
    table(
      ['event', 'from', 'to', 'when'],
      MOVE_NAMES.map((name) => {
        const { from, to, about } = MOVES[name];
        return [code(name), from.length === 0 ? 'nothing' : from.map(code).join(', '), code(to), about];
      }),
    ),
    'The log has other events too. They move nothing and may come after the final move; whoever waits for the end of a task passes over them.',
    table(
      ['event', 'when'],
      Object.entries(NOTES).map(([name, about]) => [code(name), about]),
    ),
  ]);
}
