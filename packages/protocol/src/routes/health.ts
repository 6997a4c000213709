/** Requests of those who operate the server. */
import { nothing, type Route } from './route.ts';

export const HEALTH_ROUTES = {
  live: {
    method: 'GET',
    path: '/health/live/',
    may: 'anyone',
    slashless: true,
    answer: nothing,
    repeatable: true,
    errors: [],
    extension: true,
    about: 'The server answers.',
  },
  ready: {
    method: 'GET',
    path: '/health/ready/',
    may: 'anyone',
    slashless: true,
    answer: nothing,
    repeatable: true,
    errors: ['not-ready'],
    extension: true,
    about: 'The server can write to its database and its disk, and is not about to stop.',
  },
} as const satisfies Record<string, Route>;
