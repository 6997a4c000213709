/**
 * Who asks: a bearer token, or the session of the original.
 *
 * A session lives in the cookie `sessionid`. Because browsers send cookies unasked, every request of a session that
 * changes something must show that it can read our cookies: it sends `csrftoken` back as `X-CSRFToken`. A bearer token
 * is never sent unasked, so it needs no such proof.
 */
import { GridError, permissionsOf } from '@kolejka/protocol';
import { parseCookie } from 'cookie';
import type { Request } from 'express';
import { findUserOfSession, findUserOfToken, noteTokenUse } from './database/logins.ts';
import type { Connection } from './database/store.ts';
import type { UserRow } from './database/users.ts';
import type { Parts, User } from './parts.ts';
import { fingerprint, sameText } from './secrets.ts';

export interface Cookies {
  csrftoken: string | undefined;
  sessionid: string | undefined;
}

const SAFE = new Set(['GET', 'HEAD']);

/** The cookies that look like ours. */
export function readCookies(request: Request): Cookies {
  const { csrftoken, sessionid } = parseCookie(request.headers.cookie ?? '');
  return {
    csrftoken: /^[A-Za-z0-9]{64}$/.test(csrftoken ?? '') ? csrftoken : undefined,
    sessionid: /^[a-z0-9]{32}$/.test(sessionid ?? '') ? sessionid : undefined,
  };
}

/**
 * The user who asks, or undefined when nobody is logged in.
 * @throws GridError `not-logged-in` for a token that is not good, `csrf-missing`, `too-many-requests`
 */
export async function identify(parts: Parts, request: Request): Promise<User | undefined> {
  const { store, clock } = parts;
  const token = tokenOf(request);
  if (token !== undefined) {
    const hash = fingerprint(token);
    const user = await store.read((db) => findUserOfToken(db, hash, clock.now()));
    if (user === undefined) throw new GridError('not-logged-in', 'The token is not known, or it has expired.');
    if (user.isUseDue) noteUse(parts, hash);
    return asUser(parts, user);
  }
  const cookies = readCookies(request);
  if (!SAFE.has(request.method)) requireCsrf(request, cookies);
  const { sessionid } = cookies;
  if (sessionid === undefined) return undefined;
  const user = await store.read((db) => findUserOfSession(db, fingerprint(sessionid), clock.now()));
  return user === undefined ? undefined : asUser(parts, user);
}

/**
 * Does what the request came with still stand for its user? For answers that take long: meanwhile a user may be
 * disabled, a token taken back, a session ended.
 */
export async function isStillKnown(db: Connection, request: Request, now: number): Promise<boolean> {
  const token = tokenOf(request);
  if (token !== undefined) return (await findUserOfToken(db, fingerprint(token), now)) !== undefined;
  const { sessionid } = readCookies(request);
  return sessionid !== undefined && (await findUserOfSession(db, fingerprint(sessionid), now)) !== undefined;
}

function tokenOf(request: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** Nobody waits for it, and nothing fails with it. */
function noteUse({ store, clock, log }: Parts, hash: string): void {
  store
    .write((db) => noteTokenUse(db, hash, clock.now()))
    .catch((error: unknown) => log.say('token use not noted', { error }));
}

function requireCsrf(request: Request, { csrftoken }: Cookies): void {
  if (isOfAnotherSite(request)) {
    throw new GridError('csrf-missing', 'A page of another site may not send this.');
  }
  const shown = request.get('x-csrftoken');
  if (csrftoken !== undefined && shown !== undefined && sameText(csrftoken, shown)) return;
  throw new GridError('csrf-missing', 'The csrftoken cookie was not sent back as X-CSRFToken.');
}

/**
 * Browsers say from which page a request comes: with Sec-Fetch-Site, older ones with Origin. Programs say neither. The
 * original looks at Referer instead, on https only, which browsers may leave out.
 */
function isOfAnotherSite(request: Request): boolean {
  const site = request.get('sec-fetch-site');
  // `none`: somebody typed the address.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const origin = request.get('origin');
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== request.host;
}

/** @throws GridError `too-many-requests` */
function asUser({ rates }: Parts, row: UserRow): User {
  const { id, name, groups, quota_pending: quotaPending, rate_requests: own } = row;
  rates.count(id, own);
  return { id, name, permissions: permissionsOf(groups), quotaPending };
}
