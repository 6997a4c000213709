/** Requests about who one is, and what the server is. */
import { z } from 'zod';
import { limitsPrinted } from '../json/limits.ts';
import { nothing, printed, type Route } from './route.ts';

export const ACCOUNT_ROUTES = {
  index: {
    method: 'GET',
    path: '/',
    may: 'anyone',
    answer: 'text',
    repeatable: true,
    errors: [],
    about: 'Says that a server is here, and gives a csrftoken cookie.',
  },
  logout: {
    method: 'GET',
    path: '/logout/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: ['no-space'],
    about: 'Ends the session and gives a csrftoken cookie.',
  },
  logoutByPost: {
    method: 'POST',
    path: '/logout/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: ['csrf-missing'],
    about: 'Ends the session, as GET does.',
  },
  loginPage: {
    method: 'GET',
    path: '/login/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: [],
    about: 'Gives a csrftoken cookie.',
  },
  login: {
    method: 'POST',
    path: '/login/',
    may: 'anyone',
    body: z.object({ username: z.string().max(200), password: z.string().max(1000) }),
    form: true,
    answer: nothing,
    repeatable: true,
    errors: ['csrf-missing', 'wrong-password', 'bad-value', 'too-many-requests'],
    about: 'Starts a session: rotates the csrftoken cookie and gives a sessionid cookie.',
  },
  settings: {
    method: 'GET',
    path: '/settings/',
    may: 'user',
    answer: z.object({ blob_hash_algorithm: z.string(), limits: printed(limitsPrinted) }),
    repeatable: true,
    errors: ['not-logged-in'],
    about: 'What a client needs to know of the server.',
  },
} as const satisfies Record<string, Route>;
