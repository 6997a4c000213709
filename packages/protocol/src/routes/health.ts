/** Requests of those who operate the server. */
import { nothing, type Route } from './route.ts';

export const HEALTH_ROUTES = {
  live: {
    method: 'GET',
    path: '/health/live/',
    may: 'anyone',
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
    answer: nothing,
    repeatable: true,
    errors: ['internal'],
    extension: true,
    about: 'The server has its database and its blobs.',
  },
} as const satisfies Record<string, Route>;
