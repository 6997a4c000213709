/** The three streams of a program: files, with a cap on what is kept of output. */
import { closeSync, createWriteStream, openSync } from 'node:fs';
import path from 'node:path';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeDirectories } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import type { StreamEnd } from './start.ts';

/** What was said of an output stream. */
export interface Output {
  file?: string | undefined;
  append?: boolean | undefined;
  /** Bytes that are kept. The program may write more: it is read and dropped, so that the program goes on. */
  maxBytes?: number | undefined;
}

/** How much a program wrote to a capped stream. */
export interface Written {
  bytes: number;
  isCut: boolean;
}

interface Wanted {
  stdin: string | undefined;
  stdout: Output;
  stderr: Output;
  /** What streams are that are no files. */
  others: 'inherit' | 'ignore';
}

export interface OpenStreams {
  stdin: StreamEnd;
  stdout: StreamEnd;
  stderr: StreamEnd;
  /** Keeps what capped streams bring; fulfilled when they have ended. */
  keep(stdout: Readable | null, stderr: Readable | null): Promise<{ stdout?: Written; stderr?: Written }>;
  /** Closes the files that are not read from or written to here. */
  close(): void;
}

/**
 * Opens the files; the directories of outputs are made, as the original does. One file for both outputs is opened once,
 * so that they do not overwrite each other.
 * @throws GridError `no-file` naming the flag
 */
export async function openStreams({ stdin, stdout, stderr, others }: Wanted): Promise<OpenStreams> {
  const opened = new Map<string, number>();
  const open = async (flag: string, file: string, mode: string) => {
    const known = opened.get(file);
    if (known !== undefined) return known;
    // What cannot be made is told by the opening.
    await makeDirectories(path.dirname(file)).catch(() => undefined);
    const fd = openFile(flag, file, mode);
    opened.set(file, fd);
    return fd;
  };
  const target = async (flag: string, { file, append }: Output) =>
    file === undefined ? undefined : await open(flag, file, append === true ? 'a' : 'w');
  const source = stdin === undefined ? undefined : openFile('--stdin', stdin, 'r');
  const out = await target('--stdout', stdout);
  const error = await target('--stderr', stderr);
  return {
    stdin: source ?? others,
    stdout: stdout.maxBytes === undefined ? (out ?? others) : 'pipe',
    stderr: stderr.maxBytes === undefined ? (error ?? others) : 'pipe',
    async keep(fromStdout, fromStderr) {
      const [ofStdout, ofStderr] = await Promise.all([
        keepFirst(fromStdout, stdout.maxBytes, out ?? 1),
        keepFirst(fromStderr, stderr.maxBytes, error ?? 2),
      ]);
      return { ...(ofStdout && { stdout: ofStdout }), ...(ofStderr && { stderr: ofStderr }) };
    },
    close() {
      for (const fd of [source, ...opened.values()]) if (fd !== undefined) closeSync(fd);
    },
  };
}

function openFile(flag: string, file: string, mode: string): number {
  try {
    return openSync(file, mode);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('no-file', `${flag}: ${file} cannot be opened (${code})`, { field: flag, cause });
  }
}

/** Writes the first bytes of a stream, and reads on to its end. */
async function keepFirst(from: Readable | null, most: number | undefined, fd: number): Promise<Written | undefined> {
  if (from === null || most === undefined) return undefined;
  let bytes = 0;
  const cap = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      const kept = chunk.subarray(0, Math.max(0, most - bytes));
      bytes += chunk.length;
      done(null, kept);
    },
  });
  await pipeline(from, cap, createWriteStream('', { fd, autoClose: false }));
  return { bytes, isCut: bytes > most };
}
