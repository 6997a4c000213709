/** The settings of the observer: section `[observer]` of kolejka.conf, environment, flags. */
import path from 'node:path';
import type { Settings } from '@kolejka/program';
import { GridError, OBSERVER_SOCKET } from '@kolejka/protocol';

export const SETTINGS = {
  socket: {
    parse: parseSocketPath,
    default: OBSERVER_SOCKET,
    env: 'KOLEJKA_OBSERVER_SOCKET',
    about: `unix socket to listen on, ${OBSERVER_SOCKET}; its directory is made`,
  },
} as const satisfies Settings;

/** sockaddr_un holds 107 bytes and the end; a longer path would be cut and listen elsewhere. */
const LONGEST_PATH = 107;

/** @throws GridError `bad-value` */
function parseSocketPath(text: unknown, field: string): string {
  if (typeof text !== 'string' || text === '' || Buffer.byteLength(path.resolve(text)) > LONGEST_PATH) {
    throw new GridError('bad-value', `${field}: expected a path of at most ${LONGEST_PATH} bytes`, { field });
  }
  return path.resolve(text);
}
