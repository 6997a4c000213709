/** stdin, stdout and stderr of a container: bytes from and to files, untouched, up to a limit. */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { Task } from '@kolejka/protocol';
import type { Container } from 'dockerode';

export interface Streams {
  /** Resolves when both outputs have ended and are on disk; answers how stderr began. */
  done: Promise<string>;
}

/** So much of stderr's beginning is remembered. */
const BEGINNING_BYTES = 500;

export interface StreamOptions {
  task: Task;
  /** Path of the file that is stdin. */
  stdin: string | undefined;
  /** Directory for the files `stdout` and `stderr`. */
  directory: string;
  /** Most bytes kept of both together. */
  limitBytes: number;
  /** Called once when there is more. */
  exceeded: () => void;
}

/** Name of the file in the streams directory that holds an output. */
export const STREAM_FILES = { stdout: 'stdout', stderr: 'stderr' } as const;

/** Attaches to a container that was created but not started; nothing of its output can be missed. */
export async function attachStreams(container: Container, options: StreamOptions): Promise<Streams> {
  const { task } = options;
  const connection = await container.attach({
    stream: true,
    hijack: true,
    stdin: task.stdin !== undefined,
    stdout: task.stdout !== undefined,
    // Also where the task does not want it: the container's init says here that it could not start the program.
    stderr: true,
  });
  if (options.stdin !== undefined) {
    // A program that ends without reading its input breaks this pipe, which is its right.
    createReadStream(options.stdin)
      .on('error', () => connection.end())
      .pipe(connection);
    connection.on('error', () => undefined);
  }
  return { done: writeOutputs(connection, options) };
}

async function writeOutputs(
  connection: NodeJS.ReadableStream,
  { task, directory, limitBytes, exceeded }: StreamOptions,
): Promise<string> {
  const open = (file: string) => createWriteStream(path.join(directory, file), { mode: 0o640 });
  const stdout = task.stdout === undefined ? undefined : open(STREAM_FILES.stdout);
  const shared = task.stderr !== undefined && task.stderr === task.stdout;
  const stderr = shared ? stdout : task.stderr === undefined ? undefined : open(STREAM_FILES.stderr);
  const outputs = new Map<number, WriteStream | undefined>([
    [1, stdout],
    [2, stderr],
  ]);
  let left = limitBytes;
  let beginning = Buffer.alloc(0);
  try {
    for await (const { channel, bytes } of demultiplex(connection as AsyncIterable<Buffer>)) {
      if (channel === 2 && beginning.length < BEGINNING_BYTES) {
        beginning = Buffer.concat([beginning, bytes.subarray(0, BEGINNING_BYTES - beginning.length)]);
      }
      const output = outputs.get(channel);
      if (output === undefined) continue;
      const kept = bytes.subarray(0, left);
      if (kept.length > 0 && !output.write(kept)) await once(output, 'drain');
      if (bytes.length > left) exceeded();
      left -= kept.length;
    }
  } finally {
    for (const output of new Set(outputs.values())) {
      output?.end();
      if (output !== undefined) await finished(output);
    }
  }
  return beginning.toString('utf8');
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
