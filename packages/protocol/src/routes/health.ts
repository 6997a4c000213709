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
  metrics: {
    method: 'GET',
    path: '/metrics/',
    may: 'anyone',
    slashless: true,
    answer: 'metrics',
    repeatable: true,
    errors: ['no-route', 'not-logged-in', 'not-permitted'],
    extension: true,
    about: 'Numbers for Prometheus; the setting `metrics` says for whom.',
  },
} as const satisfies Record<string, Route>;
