/** The settings of the observer: section `[observer]` of kolejka.conf, environment, flags. */
import { createHash } from 'node:crypto';
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
  pid_file: {
    parse: parsePath,
    env: 'KOLEJKA_OBSERVER_PID_FILE',
    about: 'file to write the pid to while the observer runs; none without it',
  },
  state: {
    parse: parsePath,
    env: 'KOLEJKA_OBSERVER_STATE',
    about: 'directory of what the next observer must know of open sessions; one below /run/kolejka for each socket',
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

/** @throws GridError `bad-value` */
function parsePath(text: unknown, field: string): string {
  if (typeof text === 'string' && text !== '') return path.resolve(text);
  throw new GridError('bad-value', `${field}: expected a path`, { field });
}

/** @throws GridError `node-unfit` for everybody but root: it would listen, and refuse all that is asked */
export function requireRoot(uid: number | undefined = process.geteuid?.()): void {
  if (uid === 0) return;
  throw new GridError('node-unfit', 'The observer makes control groups, which only root can: start it as root.');
}

/**
 * Where the state of the observer at a socket is when nothing else is said. Gone after a boot, as the sessions are; not
 * beside the socket, whose directory containers see.
 */
export function defaultState(socket: string): string {
  return `/run/kolejka/observer-state/${createHash('sha256').update(socket).digest('hex').slice(0, 16)}`;
}
