/** What the worker says in the log, and what an operator should think. */
import type { Messages } from '@kolejka/program';

export const MESSAGES = {
  engine: { level: 'debug', about: 'The engine that runs the tasks, and who makes their groups.' },
  step: { level: 'debug', about: 'A step of a run begins; the last one before silence is where it hangs.' },
  'task-started': { level: 'info', about: 'The program of a task runs in its container.' },
  'task-ended': { level: 'info', about: 'A task ended; the reason is the one in its result.' },
  'leftover-removed': { level: 'warn', about: 'A worker died before it could clean up; what it left is gone now.' },
  'output-lost': {
    level: 'error',
    about: 'The output of a task could not be kept: the disk, or the engine went away.',
  },
  'listener-failed': {
    level: 'warn',
    about: 'Whoever listened to the output of a task failed, and hears no more of it; the files have all.',
  },
  'task-stuck': {
    level: 'error',
    about:
      'Processes of a task do not die of SIGKILL: they hang in the kernel, on a disk perhaps. The task keeps its place until they are gone.',
  },
  'kill-failed': { level: 'error', about: 'A task could not be killed or looked at; it is tried again at once.' },
  'left-behind': { level: 'error', about: 'Something of a run could not be removed; the next start tries again.' },
} as const satisfies Messages;
