/**
 * What the server has promised: everything that was answered, written down the moment the answer had come whole.
 *
 * A request that takes something away makes it doubtful before it is sent: until it is answered, nobody can say whether
 * it is still there. What it was answered for is gone, and must stay so.
 */
import type { BlobHash, ReferenceKey, TaskEvent, TaskId } from '@kolejka/protocol';

/** A task as it was given to a foreman. */
export interface Given {
  task: TaskId;
  attempt: number;
  foreman: string;
}

export interface Told {
  /** References, and the hash of the bytes each must have. */
  references: Map<ReferenceKey, BlobHash>;
  /** Tasks as they were answered, JSON. */
  tasks: Map<TaskId, string>;
  /** Which task each Idempotency-Key has made. */
  keys: Map<string, TaskId>;
  /** Results as they were answered, JSON, and the attempt they were handed in under. */
  results: Map<TaskId, { attempt: number; body: string }>;
  given: Given[];
  /** Results that were refused; their leases must have been lost. */
  refused: (Given & { answer: string })[];
  /** Events by number, as a reader of the stream of all events heard them. */
  events: Map<number, TaskEvent>;
  cancelled: Set<TaskId>;
  /** Somebody has asked to cancel or delete these tasks, or to delete their results. */
  doubtful: Set<TaskId>;
  gone: { references: Set<ReferenceKey>; tasks: Set<TaskId>; results: Set<TaskId>; blobs: Set<BlobHash> };
  /** What was wrong at once, a sentence each. */
  wrong: string[];
}

export function openTold(): Told {
  return {
    references: new Map(),
    tasks: new Map(),
    keys: new Map(),
    results: new Map(),
    given: [],
    refused: [],
    events: new Map(),
    cancelled: new Set(),
    doubtful: new Set(),
    gone: { references: new Set(), tasks: new Set(), results: new Set(), blobs: new Set() },
    wrong: [],
  };
}
