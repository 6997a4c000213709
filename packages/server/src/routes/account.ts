/** Logging in and out as the original does, and what a client needs to know of the server. */
import { GridError, printLimits } from '@kolejka/protocol';
import { stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';
import { readCookies } from '../access.ts';
import { ceilingsIn } from '../ceilings.ts';
import { deleteSession, insertSession } from '../database/logins.ts';
import { findUser } from '../database/users.ts';
import { originOf } from '../door/origin.ts';
import type { Asked, Parts, Some } from '../parts.ts';
import { verifyPassword } from '../passwords.ts';
import { fingerprint, newCsrfToken, newSessionId } from '../secrets.ts';

/** Seconds a session lasts: 14 days. */
const SESSION_S = 1_209_600;
/** Seconds the csrftoken cookie lasts: 52 weeks. */
const CSRF_S = 31_449_600;

export function accountRoutes(parts: Parts) {
  const { store, clock, log, attempts } = parts;
  const limits = printLimits(ceilingsIn(parts.settings));

  async function logout({ request, response }: Pick<Asked<'logout'>, 'request' | 'response'>) {
    const { sessionid } = readCookies(request);
    if (sessionid !== undefined) {
      await store.write((db) => deleteSession(db, fingerprint(sessionid)));
      setCookie(response, 'sessionid', '', 0, parts);
    }
    giveCsrfToken(request, response, parts);
    return {};
  }

  return {
    index({ request, response }) {
      giveCsrfToken(request, response, parts);
      response.type('html').send('INDEX');
    },
    loginPage({ request, response }) {
      giveCsrfToken(request, response, parts);
      return {};
    },
    async login({ body: { username, password }, request, response }) {
      const attempt = { username, address: originOf(request).address };
      const look = () => attempts.refuseTooMany(attempt);
      look();
      const user = await store.read((db) => findUser(db, username));
      if (!(await verifyPassword(password, user?.password, look)) || user === undefined || user.disabled === 1) {
        attempts.noteFailure(attempt);
        // A name that nobody has may be a password in the wrong field.
        log.say('wrong password', { user: user?.name, address: attempt.address });
        throw wrongPassword();
      }
      const session = newSessionId();
      const before = readCookies(request).sessionid;
      await store.write(async (db) => {
        // It takes a while to look at a password; meanwhile it may have been changed, and all sessions ended.
        const known = await findUser(db, username);
        if (known?.password !== user.password || known.disabled === 1) throw wrongPassword();
        const now = clock.now();
        if (before !== undefined) await deleteSession(db, fingerprint(before));
        await insertSession(db, { hash: fingerprint(session), user: user.id, expiresMs: now + SESSION_S * 1000 }, now);
      });
      setCookie(response, 'csrftoken', newCsrfToken(), CSRF_S, parts);
      setCookie(response, 'sessionid', session, SESSION_S, parts);
      log.say('logged in', { user: username });
      return {};
    },
    logout,
    logoutByPost: logout,
    settings: () => ({ blob_hash_algorithm: 'sha256', limits }),
  } satisfies Some<'index' | 'loginPage' | 'login' | 'logout' | 'logoutByPost' | 'settings'>;
}

function wrongPassword(): GridError {
  return new GridError('wrong-password', 'Username or password is wrong.');
}

/** The token the caller has already, else a new one. */
function giveCsrfToken(request: Request, response: Response, parts: Parts): void {
  setCookie(response, 'csrftoken', readCookies(request).csrftoken ?? newCsrfToken(), CSRF_S, parts);
}

function setCookie(
  response: Response,
  name: 'csrftoken' | 'sessionid',
  value: string,
  maxAge: number,
  { clock }: Parts,
) {
  const expires = new Date(maxAge === 0 ? 0 : clock.now() + maxAge * 1000);
  const httpOnly = name === 'sessionid';
  const secure = originOf(response.req).isSecure;
  response.append(
    'Set-Cookie',
    stringifySetCookie({ name, value, expires, maxAge, path: '/', sameSite: 'lax', httpOnly, secure }),
  );
}
