/**
 * A server of the original, played from recorded conversations (fixtures/conversations.json): what its own client said
 * to it and heard. As strict as it is: wrong cookies, or a POST without the CSRF token, are 403 without a body.
 */
import { readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { type Asked, clientOf, listen } from './listen.ts';
import type { Client } from '../src/index.ts';

interface Exchange {
  method: string;
  path: string;
  body: string;
  status: number;
  headers: [string, string][];
  answer: string;
}

const conversations = JSON.parse(
  readFileSync(new URL('fixtures/conversations.json', import.meta.url), 'utf8'),
) as Record<string, Exchange[]>;

export interface Original {
  client: Client;
  /** Everything that was asked, in order. */
  asked: Asked[];
  /** Ends the session, as a server does after two weeks. */
  forgetSession: () => void;
}

/** Plays a conversation with a client of its first user. */
export async function playOriginal(t: ExecutionContext, conversation: string): Promise<Original> {
  const { server, asked, forgetSession } = await startOriginal(t, conversation);
  return { client: clientOf(t, { server, username: 'client', password: 'clientpass123' }), asked, forgetSession };
}

/**
 * Plays a conversation: a request is answered by the next recorded one of its method and path.
 * @param instead what to answer without looking, and what to make of an answer that was recorded
 */
export async function startOriginal(
  t: ExecutionContext,
  conversation: string,
  instead: { answer?: (asked: Asked) => string | undefined; change?: (answer: string) => string } = {},
): Promise<Omit<Original, 'client'> & { server: string }> {
  const exchanges = conversations[conversation] ?? [];
  const used = new Set<Exchange>();
  const asked: Asked[] = [];
  const cookies = new Map<string, string>();

  const server = await listen(t, (request, response) => {
    asked.push(request);
    if (!isTrusted(request, cookies)) return void response.writeHead(403).end();
    const known = instead.answer?.(request);
    if (known !== undefined) return void response.end(known);
    const matching = exchanges.filter(({ method, path }) => method === request.method && path === request.path);
    // A login may be done again; all else goes on where it was.
    const exchange = matching.find((one) => !used.has(one)) ?? matching.at(-1);
    if (exchange === undefined)
      return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>');
    used.add(exchange);
    if (request.path === '/login/' && request.body.toString() !== exchange.body) {
      return void response.end('{"status": "FAIL"}');
    }
    for (const [name, value] of exchange.headers.filter(([header]) => header === 'Set-Cookie')) {
      const [, cookie = '', text = ''] = /^([^=]+)=([^;]*)/.exec(value) ?? [];
      cookies.set(cookie, text);
      response.appendHeader(name, value);
    }
    return void response.writeHead(exchange.status).end(instead.change?.(exchange.answer) ?? exchange.answer);
  });
  return { server, asked, forgetSession: () => void cookies.set('sessionid', 'another') };
}

function isTrusted({ method, path, headers }: Asked, cookies: ReadonlyMap<string, string>): boolean {
  const sent = new Map((headers.cookie ?? '').split('; ').map((pair) => pair.split('=', 2) as [string, string]));
  const csrf =
    method === 'GET' ||
    (headers['x-csrftoken'] === cookies.get('csrftoken') && sent.get('csrftoken') === cookies.get('csrftoken'));
  const open = path === '/logout/' || path === '/login/';
  return csrf && (open || (cookies.has('sessionid') && sent.get('sessionid') === cookies.get('sessionid')));
}
