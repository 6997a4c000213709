/** docs/limits.md: the table of limits, and how values are written. */
import { BYTE_SUFFIXES, COUNT_SUFFIXES, DURATION_SUFFIXES, LIMIT_NAMES, LIMITS, UNITS } from '@kolejka/protocol';
import { type KeeperRow, KEEPERS } from '@kolejka/worker';
import { code, page, table } from './markdown.ts';

const SPENT = {
  sum: 'tasks that run together add up',
  image: 'tasks of one image share it, images add up',
  compare: 'each task for itself',
  none: 'not part of fitting',
} as const;

const COMBINED = {
  minimum: 'the lower one; a side without it does not count',
  'absent wins': 'the lower one; a side without it takes it away',
} as const;

/** A suffix in both cases is listed once. */
function suffixRows(suffixes: Readonly<Record<string, number>>): string {
  const letters = Map.groupBy(Object.keys(suffixes), (letter) => suffixes[letter] ?? 1);
  return Array.from(letters, ([value, same]) => `${same.map(code).join(' ')} × ${value}`).join(', ');
}

export function limitsPage(): string {
  return page('Limits', [
    'Ceilings that a task asks for in `limits` of its `kolejka_task.json`, and that a node grants. A limit that is left out is no ceiling, except where the table says otherwise.',
    table(
      ['limit', 'what', 'written', 'least', 'when absent', 'two ceilings', 'on a node'],
      LIMIT_NAMES.map((name) => {
        const row = LIMITS[name];
        const isFlag = row.unit === 'flag';
        const least = isFlag ? '' : code(String(UNITS[row.unit].print(row.least)));
        const absent = 'absent' in row ? code(String(row.absent)) : '';
        const written = isFlag ? 'true or false' : row.unit;
        return [code(name), row.about, written, least, absent, COMBINED[row.combine], SPENT[row.spend]];
      }),
    ),
    '## Who keeps them, and what happens',
    'A limit is kept, or the task is refused before it starts, with the reason `infrastructure` and a message that names the limit. None is ignored. [Errors, reasons and states](errors.md) lists all reasons.',
    table(
      ['limit', 'kept by', 'what happens when it is reached', 'refused where'],
      LIMIT_NAMES.map((name) => {
        const { how, reached, refused = '' }: KeeperRow = KEEPERS[name];
        return [code(name), how, reached, refused];
      }),
    ),
    'A task that states neither `workspace` nor `storage` writes on the disk of the node. It is ended with the reason `disk` when it leaves less than 1 GiB or 10 000 files free there, or less than half of what was free when it began, unless it has written little itself (64 MiB, 5000 files).',
    '## Instructions and cycles',
    'The CPU counts them, in user mode, for the whole task from the making of its group on: what the engine needs to start the container is in them. The worker looks every 50 ms and once more at the end, and ends what is over with the reason `perf`; a task may be over by what it does in that time. A machine whose CPU shows no counters (most virtual machines) or whose kernel does not lend them refuses a task with such a limit before it starts, with `limit-not-kept` and the reason; a task without one runs. Whoever only wants the figures states a limit that is never reached.',
    '## How values are written',
    'A number, or a text: a number followed by any chain of one-letter suffixes, which are multiplied. `"64kb"` is 64 × 1024 × 1 bytes. Upper and lower case differ: in durations `M` is minutes and `m` is milli, so `"5m"` is 5 milliseconds.',
    table(
      ['kind', 'examples', 'suffixes'],
      [
        ['bytes', UNITS.bytes.written, suffixRows(BYTE_SUFFIXES)],
        ['duration', UNITS.duration.written, `${suffixRows(DURATION_SUFFIXES)} seconds; a number alone is seconds`],
        ['count', UNITS.count.written, ''],
        ['big count', UNITS['big count'].written, suffixRows(COUNT_SUFFIXES)],
      ],
    ),
  ]);
}
