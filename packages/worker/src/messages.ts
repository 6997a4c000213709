/** What the worker says in the log, and what an operator should think. */
import type { Messages } from '@kolejka/program';

export const MESSAGES = {
  'task-started': { level: 'info', about: 'The program of a task runs in its container.' },
  'task-ended': { level: 'info', about: 'A task ended; the reason is the one in its result.' },
  'image-pulled': { level: 'info', about: 'An image was fetched from its registry.' },
  'leftover-removed': { level: 'warn', about: 'A worker died before it could clean up; what it left is gone now.' },
  'left-behind': { level: 'error', about: 'Something of a run could not be removed; the next start tries again.' },
} as const satisfies Messages;
