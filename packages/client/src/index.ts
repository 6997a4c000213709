/** The client library: everything one user can say to one server. */
import type { Bytes } from '@kolejka/program/call';
import type {
  ForemanName,
  Held,
  OutputPart,
  Reference,
  Result,
  RouteAnswer,
  TaskEvent,
  TaskState,
} from '@kolejka/protocol';
import { type ConnectionOptions, openConnection } from './connection.ts';
import { type DownloadOptions, downloadTo, getBlob, showReference } from './download.ts';
import { type OutputOptions, type OutputPiece, putOutput, taskOutput } from './output.ts';
import { dequeue, type DequeueRequest, heartbeat } from './queue.ts';
import { deleteBlob, deleteResult, deleteTask } from './removal.ts';
import { getResult, type KnownResult, putResult, saveResult, showResult } from './results.ts';
import { cancelTask, type ListOptions, listTasks, taskState } from './task-states.ts';
import { getTask, type KnownTask, putTask, type PutTaskOptions, showTask } from './tasks.ts';
import { createToken, listTokens, type NewToken, revokeToken, type TokenAbout } from './tokens.ts';
import { putBlob, type UploadOptions } from './upload.ts';
import { waitForResult, type WaitOptions } from './wait.ts';
import { type WatchOptions, watchTask } from './watch.ts';

export { CLIENT_SETTINGS, type ClientConfig, parseServer, readClientConfig } from './config.ts';
export type { ConnectionOptions } from './connection.ts';
export type { DownloadOptions } from './download.ts';
export type { OutputOptions, OutputPiece } from './output.ts';
export type { DequeueRequest } from './queue.ts';
export type { KnownResult } from './results.ts';
export { printSpec, writeSpec } from './spec-file.ts';
export { readTaskDirectory, type TaskDirectory } from './task-directory.ts';
export type { ListOptions } from './task-states.ts';
export type { KnownTask, PutTaskOptions } from './tasks.ts';
export type { UploadOptions } from './upload.ts';
export type { WaitOptions } from './wait.ts';
export type { WatchOptions } from './watch.ts';

interface Signalled {
  signal?: AbortSignal;
}

/** All methods throw GridError; each is described where it is made. Methods need no `this`. */
export interface Client {
  readonly server: string;
  putBlob(source: string | Uint8Array, options?: UploadOptions): Promise<Reference>;
  getBlob(reference: string, options?: DownloadOptions): Promise<Bytes>;
  showReference(reference: string, signal?: AbortSignal): Promise<Reference>;
  downloadTo(reference: string, file: string, options?: DownloadOptions): Promise<number>;
  putTask(directory: string, options?: PutTaskOptions): Promise<KnownTask>;
  showTask(id: string, signal?: AbortSignal): Promise<KnownTask>;
  getTask(id: string, directory: string, options?: Signalled): Promise<KnownTask>;
  showResult(id: string, signal?: AbortSignal): Promise<KnownResult>;
  saveResult(known: KnownResult, directory: string, options?: Signalled): Promise<void>;
  getResult(id: string, directory: string, options?: Signalled): Promise<KnownResult>;
  putResult(result: Result, directory: string, attempt?: number, options?: Signalled): Promise<void>;
  deleteTask(id: string, options?: Signalled): Promise<boolean>;
  deleteResult(id: string, options?: Signalled): Promise<boolean>;
  deleteBlob(reference: string, options?: Signalled): Promise<boolean>;
  listTasks(options?: ListOptions): AsyncGenerator<TaskState, void>;
  taskState(id: string, signal?: AbortSignal): Promise<TaskState>;
  cancelTask(id: string, signal?: AbortSignal): Promise<TaskState>;
  createToken(asked?: NewToken): Promise<RouteAnswer<'createToken'>>;
  listTokens(): Promise<TokenAbout[]>;
  revokeToken(id: number): Promise<void>;
  dequeue(request: DequeueRequest, options?: Signalled): Promise<RouteAnswer<'dequeue'>>;
  heartbeat(
    report: { foreman: ForemanName; tasks: readonly Held[] },
    options?: Signalled,
  ): Promise<RouteAnswer<'heartbeat'>>;
  watch(id: string, options?: WatchOptions): AsyncGenerator<TaskEvent, void>;
  taskOutput(id: string, options?: OutputOptions): AsyncGenerator<OutputPiece, void>;
  putOutput(
    id: string,
    said: { foreman: ForemanName; attempt: number; parts: OutputPart[] },
    signal?: AbortSignal,
  ): Promise<void>;
  waitForResult(id: string, options?: WaitOptions): Promise<KnownResult>;
  /** Ends the client's own connections, also those in use. */
  close(): Promise<void>;
}

/** A client of one server as one user. Nothing is sent before the first call; that one logs in. */
export function openClient(options: ConnectionOptions): Client {
  const connection = openConnection(options);
  return {
    server: connection.server,
    putBlob: (source, given) => putBlob(connection, source, given),
    getBlob: (reference, given) => getBlob(connection, reference, given),
    showReference: (reference, signal) => showReference(connection, reference, signal),
    downloadTo: (reference, file, given) => downloadTo(connection, reference, file, given),
    putTask: (directory, given) => putTask(connection, directory, given),
    showTask: (id, signal) => showTask(connection, id, signal),
    getTask: (id, directory, given) => getTask(connection, id, directory, given),
    showResult: (id, signal) => showResult(connection, id, signal),
    saveResult: (known, directory, given) => saveResult(connection, known, directory, given),
    getResult: (id, directory, given) => getResult(connection, id, directory, given),
    putResult: (result, directory, attempt, given) => putResult(connection, result, directory, attempt, given),
    deleteTask: (id, given) => deleteTask(connection, id, given),
    deleteResult: (id, given) => deleteResult(connection, id, given),
    deleteBlob: (reference, given) => deleteBlob(connection, reference, given),
    listTasks: (given) => listTasks(connection, given),
    taskState: (id, signal) => taskState(connection, id, signal),
    cancelTask: (id, signal) => cancelTask(connection, id, signal),
    createToken: (asked) => createToken(connection, asked),
    listTokens: () => listTokens(connection),
    revokeToken: (id) => revokeToken(connection, id),
    dequeue: (request, given) => dequeue(connection, request, given),
    heartbeat: (report, given) => heartbeat(connection, report, given),
    watch: (id, given) => watchTask(connection, id, given),
    taskOutput: (id, given) => taskOutput(connection, id, given),
    putOutput: (id, said, signal) => putOutput(connection, id, said, signal),
    waitForResult: (id, given) => waitForResult(connection, id, given),
    close: () => connection.close(),
  };
}
