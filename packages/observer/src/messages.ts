/** What the observer says in its log. */
import type { Messages } from '@kolejka/program';

export const MESSAGES = {
  listening: {
    level: 'info',
    about: 'The observer is ready; says where, and which version of control groups it uses.',
  },
  stopping: {
    level: 'info',
    about:
      'A signal was received; sessions in use are left to the next observer, or all are closed with `closeSessions`.',
  },
  stopped: { level: 'info', about: 'Everything is closed and the socket is removed.' },
  'session opened': { level: 'debug', about: 'A process opened a session; `group` is where.' },
  'session ended': {
    level: 'debug',
    about: 'A session was closed, or the process that opened it and its own are gone.',
  },
  'session taken over': {
    level: 'info',
    about: 'A session that an earlier observer opened goes on with the same secret, limits and clock.',
  },
  'session lost': {
    level: 'warn',
    about: 'The group of a session went away while no observer ran; only what was measured before is known.',
  },
  'group without session': {
    level: 'warn',
    about: 'A group of ours has processes and no record: nobody can use it. It is removed when it is empty.',
  },
  'record unreadable': {
    level: 'error',
    about: 'A file among the records of sessions is none of ours; it was removed, and its session cannot go on.',
  },
  'record lost': {
    level: 'error',
    about:
      'Records of sessions cannot be written (the disk of the state directory may be full): they end with this observer.',
  },
  'session stays': { level: 'error', about: 'A session could not be ended; it is tried again. Look at its group.' },
  'limit reached': {
    level: 'info',
    about: 'A session has used up its time, instructions or cycles (`limit`); its processes are killed.',
  },
  'limit lost': {
    level: 'error',
    about: 'A limit of a session that an earlier observer opened can no longer be counted; see `error`.',
  },
  'kill failed': { level: 'error', about: 'Processes of a session over a limit do not die; look at the node.' },
  'peer unknown': {
    level: 'debug',
    about:
      'Who connected was gone before it was looked at; `refused` such connections were dropped since the last line.',
  },
  'too many connections': {
    level: 'warn',
    about: 'A task has too many connections open; `refused` more were dropped since the last such line.',
  },
  'request refused': { level: 'debug', about: 'A request was answered with an error that is the caller’s.' },
  'request failed': {
    level: 'error',
    about: 'Something of ours or of the node broke; `error` says what, `failed` how many did since the last such line.',
  },
  'pass failed': { level: 'error', about: 'Looking after abandoned sessions failed; it is tried again.' },
} as const satisfies Messages;

export type ObserverMessages = typeof MESSAGES;
