/**
 * Every way a request, a program or a task can be refused, as data.
 *
 * `status` is what an HTTP answer carries. A few are 200: the original answers these refusals with 200 and
 * `"status": "FAIL"`, and its clients read the message only then. `fault` says whose move it is, `exit` is the exit
 * status of a command line that ends with this error (see docs/errors.md).
 */
export type Fault = 'caller' | 'task' | 'node' | 'ours';

interface ErrorRow {
  status: number;
  fault: Fault;
  exit: number;
  /** What whoever reads it should do. */
  remedy: string;
}

/** Exit statuses of all our command lines; 0 is success. */
export const EXITS = {
  1: 'something of ours broke; the message says what, --debug shows where',
  2: 'wrong input: a flag, a file, a task directory, a configuration value',
  3: 'refused: not logged in, wrong password, or not permitted',
  4: 'no such thing on the server',
  5: 'the server does not answer',
  6: 'this machine is not fit: Docker, control groups or the image are missing',
  7: 'the task ended without being run to its end (failed or cancelled)',
  130: 'interrupted by Ctrl-C (143: by SIGTERM)',
} as const;

export const ERRORS = {
  'bad-value': { status: 400, fault: 'caller', exit: 2, remedy: 'Correct the named field.' },
  'bad-json': { status: 400, fault: 'caller', exit: 2, remedy: 'Send one JSON object.' },
  'bad-body': { status: 400, fault: 'caller', exit: 2, remedy: 'Send the whole body again, with its real length.' },
  'too-large': { status: 413, fault: 'caller', exit: 2, remedy: 'Send less.' },
  'no-space': { status: 507, fault: 'ours', exit: 1, remedy: 'Make room on the disk of the server.' },
  'bytes-quota-reached': {
    status: 413,
    fault: 'caller',
    exit: 3,
    remedy: 'Delete references you no longer need, or ask for a larger quota.',
  },
  'bad-range': { status: 416, fault: 'caller', exit: 2, remedy: 'Ask for bytes that are there.' },
  'no-file': { status: 400, fault: 'caller', exit: 2, remedy: 'Name a file or directory that is there.' },
  'bad-config': { status: 400, fault: 'caller', exit: 2, remedy: 'Correct the named configuration value.' },
  usage: { status: 400, fault: 'caller', exit: 2, remedy: 'See --help.' },
  'not-logged-in': { status: 403, fault: 'caller', exit: 3, remedy: 'Log in, or send a token.' },
  'wrong-password': { status: 200, fault: 'caller', exit: 3, remedy: 'Check username and password.' },
  'csrf-missing': { status: 403, fault: 'caller', exit: 3, remedy: 'Send the csrftoken cookie back as X-CSRFToken.' },
  'not-permitted': { status: 403, fault: 'caller', exit: 3, remedy: 'Ask for the permission, or use your own things.' },
  'not-found': { status: 404, fault: 'caller', exit: 4, remedy: 'Check the identifier.' },
  'no-route': { status: 404, fault: 'caller', exit: 4, remedy: 'Check the address; paths end in a slash.' },
  'no-method': { status: 405, fault: 'caller', exit: 2, remedy: 'Use a method from the Allow header.' },
  'task-unknown': { status: 200, fault: 'caller', exit: 4, remedy: 'Check the task identifier.' },
  'task-failed': { status: 200, fault: 'task', exit: 7, remedy: 'Read why in the message, then put the task again.' },
  'task-cancelled': { status: 200, fault: 'caller', exit: 7, remedy: 'Put the task again if it was a mistake.' },
  'file-without-reference': { status: 200, fault: 'caller', exit: 2, remedy: 'Upload the file first.' },
  'reference-unknown': { status: 200, fault: 'caller', exit: 4, remedy: 'Upload the file again.' },
  'reference-of-another': { status: 200, fault: 'caller', exit: 3, remedy: 'Use references of your own.' },
  'image-refused': { status: 200, fault: 'caller', exit: 2, remedy: 'Use an image that the server accepts.' },
  'image-not-pulled': {
    status: 200,
    fault: 'caller',
    exit: 2,
    remedy: 'Check the name of the image and its registry.',
  },
  'image-not-pushed': {
    status: 200,
    fault: 'ours',
    exit: 1,
    remedy: 'Look at the log of the server and at its registry.',
  },
  'already-exists': { status: 409, fault: 'caller', exit: 2, remedy: 'Choose another name.' },
  'stale-lease': { status: 409, fault: 'node', exit: 1, remedy: 'Drop the task: it is no longer yours.' },
  'already-resolved': { status: 409, fault: 'node', exit: 1, remedy: 'Drop the result: another one was accepted.' },
  'already-ended': { status: 409, fault: 'caller', exit: 2, remedy: 'Nothing is left to do: the task has ended.' },
  'wrong-offset': { status: 409, fault: 'caller', exit: 1, remedy: 'Ask how far the upload is, and go on from there.' },
  'upload-expired': { status: 410, fault: 'caller', exit: 4, remedy: 'Begin the upload again.' },
  'wrong-version': { status: 412, fault: 'caller', exit: 2, remedy: 'Send Tus-Resumable: 1.0.0.' },
  'upload-held': { status: 423, fault: 'caller', exit: 1, remedy: 'Try again when the other request has ended.' },
  'in-use': { status: 409, fault: 'caller', exit: 2, remedy: 'Wait until the task has ended, or cancel it.' },
  'wrong-secret': { status: 403, fault: 'caller', exit: 3, remedy: 'Send the secret that open or attach answered.' },
  'foreign-process': {
    status: 403,
    fault: 'caller',
    exit: 3,
    remedy: 'Only processes of your own task can be attached.',
  },
  'too-many-sessions': { status: 429, fault: 'caller', exit: 1, remedy: 'Close sessions that are no longer needed.' },
  busy: { status: 503, fault: 'ours', exit: 5, remedy: 'Ask again after as many seconds as Retry-After says.' },
  'quota-reached': {
    status: 429,
    fault: 'caller',
    exit: 3,
    remedy: 'Wait until tasks have run, or ask for a larger quota.',
  },
  'too-many-requests': { status: 429, fault: 'caller', exit: 3, remedy: 'Wait as long as Retry-After says.' },
  'not-ready': { status: 503, fault: 'ours', exit: 5, remedy: 'Look at the log of the server and at its disk.' },
  'store-damaged': { status: 500, fault: 'ours', exit: 1, remedy: 'See what check found; --repair mends what can be.' },
  'server-unreachable': { status: 503, fault: 'node', exit: 5, remedy: 'Start the server, or correct its address.' },
  'foreman-unreachable': { status: 503, fault: 'node', exit: 5, remedy: 'Start the foreman on this node.' },
  'engine-unreachable': { status: 503, fault: 'node', exit: 6, remedy: 'Start Docker.' },
  'node-unfit': { status: 503, fault: 'node', exit: 6, remedy: 'Mend what the message names.' },
  'image-unavailable': { status: 503, fault: 'task', exit: 6, remedy: 'Check the image name, or pull it by hand.' },
  'limit-not-kept': {
    status: 400,
    fault: 'task',
    exit: 6,
    remedy: 'Leave the limit out, or use a node that keeps it.',
  },
  'bad-answer': { status: 502, fault: 'ours', exit: 1, remedy: 'The other side speaks another version.' },
  internal: { status: 500, fault: 'ours', exit: 1, remedy: 'Report it with the log around it.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** Codes that say nothing of the request: the same one may go through later. */
export const PASSING: ReadonlySet<ErrorCode> = new Set([
  'server-unreachable',
  'busy',
  'not-ready',
  'too-many-requests',
]);

/** What is known about an error beside its code and sentence. */
interface ErrorDetails {
  /** The field at fault, as a dotted path: `limits.memory`. */
  field?: string;
  /** After how many seconds it makes sense to ask again: the header Retry-After. */
  retryAfterS?: number;
  cause?: unknown;
}

/** The one error class: a code from the table, a sentence for people, the field at fault. */
export class GridError extends Error {
  override readonly name = 'GridError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.retryAfterS = details.retryAfterS;
  }

  /** HTTP status of an answer that carries this error. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** Exit status of a command line that ends with this error. */
  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

/** True when `text` is a code of the table; for answers that come from another version of us. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERRORS, text);
}

/** Any thrown thing as a GridError; what is not one becomes `internal` with the original as its cause. */
export function asGridError(thrown: unknown): GridError {
  if (thrown instanceof GridError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new GridError('internal', message, { cause: thrown });
}
