/** For whoever watches over the server. */
import type { Parts, Some } from '../parts.ts';

export function healthRoutes({ store }: Parts) {
  return {
    live: () => ({}),
    async ready() {
      await store.read((db) => db.get('select 1'));
      return {};
    },
  } satisfies Some<'live' | 'ready'>;
}
