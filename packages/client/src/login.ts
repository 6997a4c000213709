/**
 * Who we are to the server: a bearer token, or the original's session of two cookies.
 *
 * The login dance (docs/http.md): `GET /logout/` gives a csrftoken cookie, `POST /login/` sends it back with name and
 * password, and answers a sessionid cookie and another csrftoken. Every later request carries both cookies and the
 * csrftoken once more as a header. The Referer is what Django asks for over https.
 */
import { callRoute, type Connections, type Destination } from '@kolejka/program/call';
import { GridError } from '@kolejka/protocol';

export interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
}

export interface Login {
  readonly destination: Destination;
  /** Logs in when that has not been done; answers which login holds, counted from 1. */
  ensure(): Promise<number>;
  /** Logs in again after login `stale` was refused; false when that cannot help. */
  renew(stale: number): Promise<boolean>;
}

/** Nothing is sent before the first `ensure`. */
export function openLogin(server: string, credentials: Credentials, connections: Connections): Login {
  return credentials.token === undefined
    ? loginWithPassword(server, credentials, connections)
    : loginWithToken(server, credentials.token, connections);
}

function loginWithToken(server: string, token: string, connections: Connections): Login {
  return {
    destination: { server, connections, headers: () => ({ authorization: `Bearer ${token}` }) },
    ensure: async () => 1,
    renew: async () => false,
  };
}

function loginWithPassword(server: string, { username, password }: Credentials, connections: Connections): Login {
  const cookies = new Map<string, string>();
  const destination: Destination = {
    server,
    connections,
    headers: () => ({
      referer: `${server}/`,
      ...(cookies.size > 0 && { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
      ...(cookies.has('csrftoken') && { 'x-csrftoken': cookies.get('csrftoken') ?? '' }),
    }),
    heard: (headers) => keepCookies(cookies, headers['set-cookie']),
  };
  let current: Promise<number> | undefined;
  let logins = 0;

  async function dance(): Promise<number> {
    if (username === undefined || password === undefined) {
      throw new GridError(
        'not-logged-in',
        'No username and password are given: use --username and --password, KOLEJKA_USERNAME and KOLEJKA_PASSWORD, or kolejka.conf.',
      );
    }
    cookies.clear();
    await callRoute(destination, 'logout');
    await callRoute(destination, 'login', { form: { username, password } });
    logins += 1;
    return logins;
  }

  async function begin(): Promise<number> {
    const login = dance();
    current = login;
    // A login that failed is not kept: the next call tries anew.
    login.catch(() => {
      if (current === login) current = undefined;
    });
    return await login;
  }

  return {
    destination,
    ensure: () => current ?? begin(),
    // Many calls may be refused at once; the first of them logs in, the others wait for it.
    renew: async (stale) => {
      if (current === undefined || (await current) === stale) await begin();
      return true;
    },
  };
}

/** Keeps `name=value` of each Set-Cookie; one with an empty value is deleted. There is one server, so no paths. */
function keepCookies(cookies: Map<string, string>, header: string | string[] | undefined): void {
  for (const line of [header ?? []].flat()) {
    const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const text = value.trim().replace(/^"(.*)"$/, '$1');
    if (text === '') cookies.delete(name);
    else cookies.set(name, text);
  }
}
