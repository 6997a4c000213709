/** The socket's file: a dead daemon leaves one behind, and then every connection fails until it is removed. */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import { makeDirectories } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

/**
 * Listens on the path, for every user of the machine and of containers that see it.
 * @throws GridError `already-exists` when another observer listens there or the path is no socket; `node-unfit`
 */
export async function listenOn(server: Server, file: string): Promise<void> {
  try {
    await makeDirectories(path.dirname(file));
    await removeStale(file);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(file, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(file, 0o777);
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('node-unfit', `The observer cannot listen on ${file} (${code}); choose another path with -s.`, {
      cause,
    });
  }
}

async function removeStale(file: string): Promise<void> {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new GridError('already-exists', `${file} is there and is no socket; choose another path with -s.`);
  }
  if (await isAnswering(file)) {
    throw new GridError(
      'already-exists',
      `An observer listens on ${file} already; stop it, or choose another path with -s.`,
    );
  }
  rmSync(file, { force: true });
}

async function isAnswering(file: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(file, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
