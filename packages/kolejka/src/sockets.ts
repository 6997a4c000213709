/**
 * The directory of the observer's socket.
 *
 * A socket's path may have 107 bytes at most, so it does not lie below a data directory of any length, but below the
 * system's temporary one. A link in the data directory remembers it: who is killed cannot remove it, and the next
 * start on the same data does.
 */
import { mkdtemp, readlink, rm, rmdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LINK = 'sockets';
const SOCKET = 'socket';

export interface Sockets {
  directory: string;
  /** Path of the observer's socket. */
  observer: string;
  remove(): Promise<void>;
}

/** Makes the directory; only for who holds the data directory, because it removes the one of an earlier start. */
export async function openSockets(data: string): Promise<Sockets> {
  const link = path.join(data, LINK);
  const remove = async () => {
    const directory = await readlink(link).catch(() => undefined);
    if (directory === undefined) return;
    // Wherever the link leads by now, nothing of anybody else is removed.
    await rm(path.join(directory, SOCKET), { force: true });
    await rmdir(directory).catch(() => undefined);
    await rm(link, { force: true });
  };
  await remove();
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-'));
  await symlink(directory, link);
  return { directory, observer: path.join(directory, SOCKET), remove };
}
