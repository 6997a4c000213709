/**
 * What a download is written to: a file is replaced as a whole or not at all; a fifo, a device or the program's own
 * output takes the bytes as they come.
 */
import { randomUUID } from 'node:crypto';
import { constants, fstatSync, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

/** Takes the next bytes. @throws GridError `no-file` when they cannot be written */
export type Output = (bytes: Buffer) => Promise<void>;

/** As many links as the kernel follows. */
const MOST_LINKS = 40;

/** How often a fifo is looked at that nobody reads yet. */
const LOOK_MS = 50;

/**
 * Puts what `write` writes in the place of a file: into a new one beside it, then renamed.
 * @throws GridError `no-file`
 */
export async function replaceFile<Answer>(file: string, write: (output: Output) => Promise<Answer>): Promise<Answer> {
  // Renaming replaces a link that is in the target's place, it does not follow it. The name is of its own: the
  // target's may be as long as names can be.
  const aside = path.join(path.dirname(file), `.kolejka-${randomUUID()}`);
  const handle = await open(aside, 'wx', 0o644).catch((cause: unknown) => {
    throw unwritable(path.dirname(file), cause);
  });
  try {
    const answer = await writeAndClose(handle, file, write);
    await rename(aside, file).catch((cause: unknown) => {
      throw unwritable(file, cause);
    });
    return answer;
  } catch (thrown) {
    await rm(aside, { force: true });
    throw thrown;
  }
}

/** What there is at `file` when it takes bytes as they come and must not be replaced; links are followed. */
export async function findStream(file: string): Promise<Stats | undefined> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined || stats.isDirectory()) return undefined;
  return stats.isFile() && ownStream(stats) === undefined ? undefined : stats;
}

/**
 * Writes into what `findStream` has found; a fifo that nobody reads is waited for.
 * @throws GridError `no-file`
 */
export async function writeInto<Answer>(
  { file, stats, signal }: { file: string; stats: Stats; signal?: AbortSignal | undefined },
  write: (output: Output) => Promise<Answer>,
): Promise<Answer> {
  const own = ownStream(stats);
  if (own === undefined) return await writeAndClose(await openStream(file, signal), file, write);
  // Opened anew, a redirected output would be written from its beginning, and a socket cannot be.
  const broken = () => undefined;
  own.on('error', broken);
  try {
    return await write(
      (bytes) =>
        new Promise((resolve, reject) => {
          own.write(bytes, (cause) => (cause ? reject(unwritable(file, cause)) : resolve()));
        }),
    );
  } finally {
    own.off('error', broken);
  }
}

/**
 * The file a path stands for, links followed; it need not be there.
 * @throws GridError `no-file` for links that lead in a circle
 */
export async function resolveLinks(file: string): Promise<string> {
  let at = file;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const link = await readlink(at).catch(() => undefined);
    if (link === undefined) return at;
    // Not normalized: `..` after a link to a directory is the kernel's to follow.
    at = path.isAbsolute(link) ? link : `${path.dirname(at)}/${link}`;
  }
  throw new GridError('no-file', `${file} cannot be written: it is a symbolic link that leads to itself.`);
}

export function unwritable(target: string, cause: unknown): GridError {
  return new GridError('no-file', `${target} cannot be written: ${(cause as Error).message}.`, { cause });
}

/** The program's own output, when this is it: `/dev/stdout` and what it is redirected to. */
function ownStream({ dev, ino }: Stats): NodeJS.WriteStream | undefined {
  return [process.stdout, process.stderr].find((_stream, index) => {
    try {
      const own = fstatSync(index + 1);
      return own.dev === dev && own.ino === ino;
    } catch {
      return false; // Closed by whoever started us.
    }
  });
}

/** Opening a fifo waits for its reader, where no signal is heard: so it is asked first whether there is one. */
async function openStream(file: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  for (;;) {
    try {
      const asked = await open(file, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        return await open(file, constants.O_WRONLY);
      } finally {
        await asked.close();
      }
    } catch (cause) {
      const unread = (cause as NodeJS.ErrnoException).code === 'ENXIO' && (await stat(file)).isFIFO();
      if (!unread) throw unwritable(file, cause);
      await realClock.sleep(LOOK_MS, signal);
    }
  }
}

async function writeAndClose<Answer>(
  handle: FileHandle,
  file: string,
  write: (output: Output) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await write(async (bytes) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done).catch((cause: unknown) => {
          throw unwritable(file, cause);
        });
        done += bytesWritten;
      }
    });
  } finally {
    await handle.close();
  }
}
