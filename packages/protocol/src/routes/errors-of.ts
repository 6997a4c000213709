/** Every error with which a server may answer a route: its own, and those of the stations a request passes before. */
import type { ErrorCode } from '../errors.ts';
import type { Route } from './route.ts';

interface Station {
  passes: (route: Route) => boolean;
  errors: readonly ErrorCode[];
}

const STATIONS: readonly Station[] = [
  // A token that is not good is refused wherever it is sent, and so is a user who asks too often.
  { passes: () => true, errors: ['not-logged-in', 'too-many-requests'] },
  { passes: ({ method }) => method !== 'GET', errors: ['csrf-missing'] },
  { passes: ({ may }) => may !== 'anyone' && may !== 'user', errors: ['not-permitted'] },
  { passes: ({ params, query }) => params !== undefined || query !== undefined, errors: ['bad-value'] },
  { passes: ({ body }) => typeof body === 'object', errors: ['bad-value', 'bad-json', 'bad-body', 'too-large'] },
  // Whatever changes something is written to the database.
  { passes: ({ method }) => method !== 'GET', errors: ['no-space'] },
  { passes: () => true, errors: ['busy', 'internal'] },
];

/** Each once: those of the row first. */
export function errorsOf(route: Route): ErrorCode[] {
  const before = STATIONS.filter(({ passes }) => passes(route)).flatMap(({ errors }) => errors);
  return [...new Set([...route.errors, ...before])];
}
