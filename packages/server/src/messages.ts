/** What the server says in its log. */
import type { Messages } from '@kolejka/program';

export const MESSAGES = {
  listening: { level: 'info', about: 'The server is ready; says where, and with which settings.' },
  stopping: { level: 'info', about: 'A signal was received; requests under way are finished.' },
  stopped: { level: 'info', about: 'Everything is closed.' },
  'remains removed': { level: 'info', about: 'Unfinished uploads of a server that was killed were removed.' },
  'leases extended': {
    level: 'info',
    about: 'Foremen have one lease to be heard of again: the server was started, stopped or suspended.',
  },
  'logged in': { level: 'info', about: 'A user started a session.' },
  'wrong password': {
    level: 'warn',
    about: 'A login was refused; without `user`, there is none of that name. Many of them: somebody is guessing.',
  },
  'connections closed': {
    level: 'warn',
    about: 'There are most_connections already; so many more were closed at once.',
  },
  'certificate renewed': {
    level: 'info',
    about: 'The files of tls_cert and tls_key changed; new connections use them.',
  },
  'certificate refused': {
    level: 'warn',
    about: 'These files changed and cannot be used; `error` says why. The old ones stay in use.',
  },
  'token made': { level: 'info', about: 'A user made a token; `token` is its number.' },
  'token revoked': { level: 'info', about: 'A user took a token back.' },
  'token use not noted': {
    level: 'warn',
    about: 'The database refused to keep when a token was used; `error` says why.',
  },
  'task put': { level: 'info', about: 'A task came into the queue.' },
  'task assigned': { level: 'info', about: 'A foreman took the task.' },
  'task resolved': { level: 'info', about: 'The result of the task was accepted.' },
  'task cancelled': { level: 'info', about: 'Somebody who may do so stopped the task.' },
  'task deleted': { level: 'info', about: 'Somebody who may do so removed the task, with its result.' },
  'old tasks removed': { level: 'info', about: 'Tasks that ended longer ago than keep_results were removed.' },
  'result deleted': { level: 'info', about: 'Somebody who may do so removed the result of the task.' },
  'task lost': { level: 'warn', about: 'The lease ran out; the task waits again. Look at the foreman it names.' },
  'task given up': { level: 'error', about: 'The task was lost too often. Look at the task and at its foremen.' },
  'called back': { level: 'info', about: 'The receiver at callback_url was told that the task has ended.' },
  'callback put off': { level: 'info', about: 'That receiver did not answer well; it is called again after a pause.' },
  'callback failed': {
    level: 'warn',
    about: 'That receiver was not told and will not be. Look at what it answers, and at allowed_callback_hosts.',
  },
  'callbacks stuck': { level: 'error', about: 'Looking after callbacks failed; it is tried again.' },
  request: { level: 'debug', about: 'A request was answered; says by whom and how long it took.' },
  'slow request': {
    level: 'info',
    about: 'A request took longer than a second. Many of them: the server has too much to do.',
  },
  'request refused': { level: 'debug', about: 'A request was answered with an error that is the caller’s.' },
  'request failed': { level: 'error', about: 'Something of ours broke; `error` says what.' },
  'image pinned': { level: 'info', about: 'The image of a task was pulled and pushed to image_registry.' },
  'image not pulled': { level: 'warn', about: 'A task was refused: `error` says what Docker has against its image.' },
  'image not pushed': {
    level: 'error',
    about: 'image_registry does not take images: `error` says what Docker was told.',
  },
  'engine away': {
    level: 'warn',
    about: 'Docker does not answer: no task is taken whose image goes to image_registry.',
  },
  'garbage collected': {
    level: 'info',
    about: 'Blobs that nobody needs were condemned, and those condemned before removed; `bytes` is what that freed.',
  },
  'blob damaged': {
    level: 'error',
    about: 'The bytes on disk are not what their name says: the disk is bad. Upload them again.',
  },
  'pass failed': { level: 'error', about: 'Looking after leases failed; it is tried again.' },
} as const satisfies Messages;
