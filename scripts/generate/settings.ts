/** docs/settings.md: what can be set of the server. */
import type { Setting } from '@kolejka/program';
import { SETTINGS } from '../../packages/server/src/config.ts';
import { code, page, table } from './markdown.ts';

export function settingsPage(): string {
  const rows = Object.entries<Setting<unknown>>(SETTINGS).map(([name, { env, secret, about }]) => [
    code(name),
    env === undefined ? '' : code(env),
    secret === true ? `${about} (a secret: never in the log)` : about,
  ]);
  return page(
    'Settings of the server',
    [
      'Section `[server]` of `kolejka.conf`, or the environment, which wins. A default is named last in its row. An unknown name or a wrong value stops the start and is named. How to use them: [running a server](operate/server.md).',
      table(['setting', 'environment', 'what'], rows),
    ],
    'packages/server/src/config.ts',
  );
}
