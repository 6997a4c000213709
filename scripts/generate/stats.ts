/** docs/stats.md: the table of measurements. */
import { STAT_NAMES, STATS, UNITS } from '@kolejka/protocol';
import { code, page, table } from './markdown.ts';

const FOLDED = { last: 'the later one', peak: 'the larger one', sum: 'both together' } as const;

export function statsPage(): string {
  return page('Statistics', [
    'What is measured of a task, in `stats` of its `kolejka_result.json`. A measurement that the kernel of the node cannot give is absent, never 0.',
    table(
      ['field', 'what', 'unit', 'written', 'of two samples'],
      STAT_NAMES.map((name) => {
        const { place, unit, fold, about } = STATS[name];
        return [
          code(`stats.${place.join('.')}`),
          about,
          unit,
          code(JSON.stringify(UNITS[unit].print(1500))),
          FOLDED[fold],
        ];
      }),
    ),
    '`stats.cpus` has the CPU time of each CPU by its number: `{"0": {"usage": "1.5s"}}`, where the kernel tells. `stats.gpus` is kept empty for clients that look for it.',
  ]);
}
