/** stdin, stdout and stderr of a container: bytes from and to files, untouched, up to a limit. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { type Duplex, pipeline } from 'node:stream';
import { GridError, type Task } from '@kolejka/protocol';
import type { Container } from 'dockerode';
import type { LiveOutput } from './live-output.ts';

export interface Output {
  /** How stderr began. */
  stderr: string;
  /** Bytes of stdout. */
  stdoutBytes: number;
}

export interface Streams {
  /** Resolves when both outputs have ended and are on disk; never rejects. */
  done: Promise<Output>;
  /** Lets go of input that nobody reads any more; the engine does not. To be called at the end. */
  release: () => void;
}

/** So much of stderr's beginning is remembered. */
const BEGINNING_BYTES = 500;

export interface StreamOptions {
  task: Task;
  /** Path of the file that is stdin, in a directory that no task has touched yet. */
  stdin: string | undefined;
  /** Directory for the files `stdout` and `stderr`. */
  directory: string;
  /** Most bytes kept of both together. */
  limitBytes: number;
  /** Hears what comes, as far as it is kept. */
  live?: LiveOutput | undefined;
  /** Called when there is more, and for each piece of it. */
  exceeded: () => void;
  /** Called when output could not be kept or heard any more. */
  failed: (error: unknown) => void;
}

/** Name of the file in the streams directory that holds an output. */
export const STREAM_FILES = { stdout: 'stdout', stderr: 'stderr' } as const;

/**
 * Attaches to a container that was created but not started; nothing of its output can be missed.
 * @throws GridError `no-file` when stdin is no regular file; the engine's errors
 */
export async function attachStreams(container: Container, options: StreamOptions): Promise<Streams> {
  const { task, stdin } = options;
  const release = stdin === undefined ? () => undefined : await attachInput(container, stdin);
  const connection = await container.attach({
    stream: true,
    hijack: true,
    stdout: task.stdout !== undefined,
    // Also where the task does not want it: the container's init says here that it could not start the program.
    stderr: true,
  });
  return { done: writeOutputs(connection, options), release };
}

/**
 * On a connection of its own: a program that ends without reading its input breaks it, which is its right, and must
 * not take the last of its output along.
 */
async function attachInput(container: Container, file: string): Promise<() => void> {
  const input = await openInput(file);
  try {
    const connection = await container.attach({ stream: true, hijack: true, stdin: true });
    connection.resume();
    const source = input.createReadStream();
    pipeline(source, connection, () => undefined);
    return () => {
      source.destroy();
      (connection as Duplex).destroy();
    };
  } catch (error) {
    await input.close();
    throw error;
  }
}

/** Opened before the program runs: afterwards the name may lead anywhere on this machine. */
async function openInput(file: string): Promise<FileHandle> {
  const input = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const found = await input.stat();
  if (found.isFile()) return input;
  await input.close();
  throw new GridError('no-file', 'stdin: not a regular file', { field: 'stdin' });
}

async function writeOutputs(connection: NodeJS.ReadableStream, options: StreamOptions): Promise<Output> {
  const { limitBytes, live, exceeded, failed } = options;
  const output: Output = { stderr: '', stdoutBytes: 0 };
  let files = new Map<number, FileHandle>();
  try {
    files = await openOutputs(options);
    let left = limitBytes;
    for await (const { channel, bytes } of demultiplex(connection as AsyncIterable<Buffer>)) {
      if (channel === 1) output.stdoutBytes += bytes.length;
      else if (output.stderr.length < BEGINNING_BYTES) output.stderr += bytes.toString('latin1', 0, BEGINNING_BYTES);
      const file = files.get(channel);
      if (file === undefined) continue;
      const kept = bytes.subarray(0, left);
      if (kept.length > 0) {
        live?.push(channel === 1 ? 'stdout' : 'stderr', kept);
        await writeAll(file, kept);
      }
      if (bytes.length > left) exceeded();
      left = Math.max(0, left - bytes.length);
    }
  } catch (error) {
    failed(error);
  }
  for (const file of new Set(files.values())) await file.close().catch(failed);
  return output;
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

/** The file of each channel that the task wants; one for both when they have the same name. */
async function openOutputs({ task, directory }: StreamOptions): Promise<Map<number, FileHandle>> {
  const files = new Map<number, FileHandle>();
  const create = (name: string) => open(path.join(directory, name), 'wx', 0o640);
  if (task.stdout !== undefined) files.set(1, await create(STREAM_FILES.stdout));
  if (task.stderr === undefined) return files;
  const shared = task.stderr === task.stdout ? files.get(1) : undefined;
  return files.set(2, shared ?? (await create(STREAM_FILES.stderr)));
}

const HEADER_BYTES = 8;

/**
 * Frames of an attached connection: 1 byte channel (1 stdout, 2 stderr), 3 bytes 0, 4 bytes length, big-endian.
 * (Docker Engine API, ContainerAttach, "Stream format".) A frame is handed on in the pieces it arrives in.
 */
export async function* demultiplex(
  connection: AsyncIterable<Buffer>,
): AsyncGenerator<{ channel: number; bytes: Buffer }> {
  let channel = 0;
  let missing = 0;
  let header = Buffer.alloc(0);
  for await (let chunk of connection) {
    while (chunk.length > 0) {
      if (missing > 0) {
        const bytes = chunk.subarray(0, missing);
        missing -= bytes.length;
        chunk = chunk.subarray(bytes.length);
        yield { channel, bytes };
        continue;
      }
      const wanted = HEADER_BYTES - header.length;
      header = Buffer.concat([header, chunk.subarray(0, wanted)]);
      chunk = chunk.subarray(wanted);
      if (header.length < HEADER_BYTES) break;
      channel = header.readUInt8(0);
      missing = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
}
