/** The login dance of the original. */
import { type Answer, type Scene, send } from './server-scene.ts';

export const cookieOf = ({ headers }: Answer, name: string) =>
  headers
    .getSetCookie()
    .find((cookie) => cookie.startsWith(`${name}=`))
    ?.split(/[=;]/)[1];

/** Logs in; answers the headers of the session. */
export async function logIn({ url }: Scene, username: string, password: string) {
  const first = cookieOf(await send(`${url()}/logout/`), 'csrftoken') ?? '';
  const answer = await send(`${url()}/login/`, {
    body: new URLSearchParams({ username, password }).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-csrftoken': first,
      cookie: `csrftoken=${first}`,
    },
  });
  const [csrf, session] = [cookieOf(answer, 'csrftoken'), cookieOf(answer, 'sessionid')];
  const cookie = `csrftoken=${csrf}; sessionid=${session}`;
  return { answer, first, csrf, session, headers: { cookie, 'x-csrftoken': csrf ?? '' } };
}
