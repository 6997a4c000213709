/** Requests about who one is, and what the server is. */
import { z } from 'zod';
import { limitsPrinted } from '../json/limits.ts';
import { nothing, printed, type Route } from './route.ts';

const moment = z.iso.datetime({ precision: 3 });

/** What is shown of a token. */
const Token = z
  .object({
    id: z.int(),
    label: z.string().describe('what it is for'),
    time_create: moment,
    time_expire: moment.nullable(),
    time_use: moment.nullable().describe('when it was used last, to the minute'),
  })
  .meta({ id: 'Token', description: 'A token that stands for a user, without what it is itself.' });

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
  listTokens: {
    method: 'GET',
    path: '/account/token/',
    may: 'user',
    answer: z.object({ tokens: z.array(Token) }),
    repeatable: true,
    errors: [],
    extension: true,
    about: "One's own tokens, without what they are themselves.",
  },
  createToken: {
    method: 'POST',
    path: '/account/token/',
    may: 'user',
    body: z.object({
      label: z.string().max(100).default('').describe('what it is for'),
      days: z.number().positive().max(36_500).optional().describe('days until it expires; without, it does not'),
    }),
    answer: z.object({ token: z.string().describe('shown this once'), about: Token }),
    repeatable: false,
    errors: ['quota-reached'],
    extension: true,
    about: 'Makes a token that stands for the caller: `Authorization: Bearer TOKEN`.',
  },
  revokeToken: {
    method: 'DELETE',
    path: '/account/token/:id/',
    may: 'user',
    params: z.object({ id: z.coerce.number().int().positive() }),
    answer: z.object({ deleted: z.literal(true) }),
    repeatable: true,
    errors: ['not-found'],
    extension: true,
    about: "Takes back one of one's own tokens.",
  },
} as const satisfies Record<string, Route>;
