/** One's own tokens. */
import { GridError } from '@kolejka/protocol';
import { deleteTokens, insertToken, listTokens, printToken } from '../database/logins.ts';
import type { Connection } from '../database/store.ts';
import type { Parts, Some, User } from '../parts.ts';
import { fingerprint, newToken } from '../secrets.ts';

/** More than anybody looks after. */
const MOST_TOKENS = 200;
const DAY_MS = 86_400_000;

export function tokenRoutes({ store, clock, log }: Parts) {
  return {
    listTokens: ({ user }) => store.read(async (db) => ({ tokens: (await listTokens(db, user.id)).map(printToken) })),
    async createToken({ body: { label, days }, user }) {
      const token = newToken();
      const about = await store.write(async (db) => {
        await requireRoom(db, user);
        const now = clock.now();
        const expiresMs = days === undefined ? null : Math.round(now + days * DAY_MS);
        const id = await insertToken(db, { hash: fingerprint(token), user: user.id, label, expiresMs }, now);
        return printToken({ id, user: user.name, label, created_ms: now, expires_ms: expiresMs, last_used_ms: null });
      });
      log.say('token made', { user: user.name, token: about.id });
      return { token, about };
    },
    async revokeToken({ params: { id }, user }) {
      const count = await store.write((db) => deleteTokens(db, user.id, { id }));
      if (count === 0) throw new GridError('not-found', `You have no token ${id}.`);
      log.say('token revoked', { user: user.name, token: id });
      return { deleted: true } as const;
    },
  } satisfies Some<'listTokens' | 'createToken' | 'revokeToken'>;
}

async function requireRoom(db: Connection, user: User): Promise<void> {
  if ((await listTokens(db, user.id)).length < MOST_TOKENS) return;
  throw new GridError('quota-reached', `You have ${MOST_TOKENS} tokens: take some back first.`);
}
