/** For whoever watches over the server. */
import type { Parts, Some } from '../parts.ts';

export function healthRoutes({ ready }: Parts) {
  return {
    live: () => ({}),
    async ready() {
      await ready();
      return {};
    },
  } satisfies Some<'live' | 'ready'>;
}
