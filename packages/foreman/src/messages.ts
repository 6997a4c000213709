/** What the foreman says in the log, and what an operator should think. */
import type { Messages } from '@kolejka/program';

export const MESSAGES = {
  'foreman-started': { level: 'info', about: 'The node takes tasks; the fields say what it offers.' },
  'foreman-draining': {
    level: 'info',
    about: 'No new tasks are taken; running ones end first. A second signal hands them back.',
  },
  'foreman-stopped': { level: 'info', about: 'Nothing runs any more.' },
  'task-taken': { level: 'info', about: 'A task came with a lease.' },
  'task-unreadable': {
    level: 'error',
    about: 'The server gave a task that this version cannot read; its lease runs out.',
  },
  'task-running': { level: 'info', about: 'The program of a task runs.' },
  'result-accepted': { level: 'info', about: 'The server has the result.' },
  'result-refused': {
    level: 'warn',
    about:
      'The server wants no result of this attempt, for the lease was lost or the task is gone, or it refuses what is in this one: then a small one that says so is handed in.',
  },
  'server-away': { level: 'warn', about: 'The server does not answer about a task; it is asked again.' },
  'task-not-noted': {
    level: 'error',
    about: 'A task that waits for a seat could not be written down; a restart now would lose it.',
  },
  'result-not-kept': {
    level: 'error',
    about: 'A result could not be kept on disk; it is handed in, but a restart now would lose it.',
  },
  'result-found': { level: 'info', about: 'An earlier process has left a complete result; it is handed in.' },
  'result-not-handed-in': {
    level: 'error',
    about: 'A result that an earlier process has left could not be handed in; the next start tries again.',
  },
  'task-found': { level: 'warn', about: 'An earlier process died over a task; the server counts that as a loss.' },
  'task-stuck-here': {
    level: 'error',
    about: 'A task hangs in the kernel; the server hears that it is lost, and its place stays taken until it is gone.',
  },
  'task-dropped': { level: 'warn', about: 'The server told to stop work on a task: it is not ours any more.' },
  'task-put-off': {
    level: 'warn',
    about: 'A task could not be run now, and its server takes none back; it is tried again, also by the next start.',
  },
  'task-returned': { level: 'warn', about: 'A task was handed back unrun.' },
  'task-not-begun': { level: 'warn', about: 'A task could not be begun; its result says why.' },
  'task-failed-here': {
    level: 'error',
    about:
      'This node failed a task, its disk perhaps; the task is handed back, and none is taken until a test write goes through.',
  },
  'image-removed': { level: 'info', about: 'An image that this foreman had pulled made room for others.' },
  'image-not-removed': {
    level: 'warn',
    about: 'An image could not be removed to make room; it is tried again when the next task ends.',
  },
  'blob-damaged': {
    level: 'warn',
    about:
      'A file of the cache had other bytes than were written: it is fetched anew. Look at the disk when it goes on.',
  },
  'blob-not-kept': {
    level: 'warn',
    about: 'A file could not be kept in the cache, whose disk may be full; tasks get it from the server.',
  },
  'output-not-sent': {
    level: 'debug',
    about: 'What a task prints did not reach the server while it runs; its result has all of it.',
  },
  'images-not-noted': {
    level: 'warn',
    about: 'What images this foreman has pulled could not be written down: after a restart they may stay for ever.',
  },
  'left-behind': {
    level: 'warn',
    about: 'The directory of a task could not be removed; the next start of the foreman tries again.',
  },
  'pull-failed': { level: 'warn', about: 'The queue could not be asked; it is asked again after a pause.' },
  'heartbeat-failed': { level: 'warn', about: 'Leases could not be renewed; they run out when this goes on.' },
} as const satisfies Messages;
