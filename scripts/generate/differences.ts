/** docs/differences.md: where our server deliberately answers otherwise than the original's. */
import { DIFFERENCES } from '../../packages/server/test/battery/differences.ts';
import { code, page, table } from './markdown.ts';

const SOURCE = 'packages/server/test/battery/differences.ts';

export function differencesPage(): string {
  return page(
    'Differences from the original',
    [
      'The server answers the requests of the original as the original does: the same routes, permissions, keys in the same order, and messages. Conversations and single probes that were recorded at an original server are replayed by the tests, and what is equivalent is defined in one place, `packages/server/test/equivalent.ts`. Every other answer is a row here; the last column is the recorded probe, or the test, that shows it. What the original has not at all is marked *ours* in [the list of requests](http.md).',
      table(
        ['request', 'the original', 'we', 'why', 'shown by'],
        DIFFERENCES.map(({ request, original, ours, why, probes, test }) => [
          request,
          original,
          ours,
          why,
          probes?.map(code).join(', ') ?? `*${test ?? ''}*`,
        ]),
      ),
    ],
    SOURCE,
  );
}
