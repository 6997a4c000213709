/**
 * A reverse proxy in front of the server may send the bytes of blobs itself: the answer names the file in place of
 * the bytes, in a header that only the proxy sees (mod_xsendfile of Apache, X-Accel-Redirect of nginx).
 */
import path from 'node:path';
import { parseString, type Settings } from '@kolejka/program';
import { type BlobHash, GridError } from '@kolejka/protocol';
import { parseWord } from './config-values.ts';

export const SENDFILE_SETTINGS = {
  sendfile: {
    parse: parseWord('off', 'x-sendfile', 'x-accel-redirect'),
    default: 'off' as const,
    env: 'KOLEJKA_SERVER_SENDFILE',
    about:
      'a proxy in front sends the bytes of blobs: x-sendfile for Apache, x-accel-redirect for nginx, off when there is none',
  },
  sendfile_root: {
    parse: parseRoot,
    default: undefined,
    env: 'KOLEJKA_SERVER_SENDFILE_ROOT',
    about:
      'where the proxy finds the blobs: for x-sendfile a directory, blobs of the data directory; for x-accel-redirect an internal location, /blobs',
  },
} as const satisfies Settings;

/** @throws GridError `bad-value` */
function parseRoot(text: unknown, field: string): string {
  const root = parseString(text, field);
  if (/^\/[\x21-\x7e]*$/.test(root) && path.posix.normalize(root) === root) return root.replace(/\/$/, '');
  throw new GridError('bad-value', `${field}: expected a path that begins with /, without spaces and ..`, { field });
}

const WAYS = {
  'x-sendfile': { header: 'X-Sendfile', usualRoot: (data: string) => encodeURI(path.resolve(data, 'blobs')) },
  'x-accel-redirect': { header: 'X-Accel-Redirect', usualRoot: () => '/blobs' },
} as const;

/**
 * What the answer says in place of the bytes of a blob, or undefined: they are to be sent.
 */
export function sendfileHeaders(
  settings: { sendfile: 'off' | keyof typeof WAYS; sendfile_root?: string | undefined; data: string },
  hash: BlobHash,
): Record<string, string> | undefined {
  if (settings.sendfile === 'off') return undefined;
  const { header, usualRoot } = WAYS[settings.sendfile];
  const root = settings.sendfile_root ?? usualRoot(settings.data);
  return { [header]: `${root}/${hash.slice(0, 2)}/${hash}` };
}
