/**
 * One try to call somebody back, against a receiver that may be hostile.
 *
 * What it may cost is bounded: one deadline for everything, one connection, a few redirects that stay on the host, and
 * little of the answer, of which only the status counts. (The original waits without a limit, inside the request that
 * hands in the result, and follows every redirect.)
 */
import { Agent, type Dispatcher, request } from 'undici';
import { allows } from './hosts.ts';

/** What became of a try. */
export type Outcome =
  | { kind: 'delivered'; status: number }
  /** Something that may pass. `afterMs` is what the receiver asks for. */
  | { kind: 'later'; why: string; afterMs?: number }
  /** Trying again would not help. */
  | { kind: 'refused'; why: string };

export interface Callback {
  url: URL;
  /** JSON. */
  body: string;
  hosts: readonly string[];
  userAgent: string;
  /** Longest time of the whole try, in milliseconds. */
  timeMs: number;
}

/** Redirects that are followed, all on the same host. */
const MOST_REDIRECTS = 3;
/** Of an answer so much is read, so that the connection can be used again; of a longer one nothing more. */
const MOST_ANSWER_BYTES = 64 * 1024;
/** An answer that was not all read by then, counted from its status, is cut. */
const ANSWER_MS = 1000;
/** Longest pause a receiver can ask for. */
const LONGEST_PAUSE_MS = 3_600_000;

/** These pass: a timeout, too early, too many requests. Every other 4xx says that the request itself is wrong. */
const PASSING = new Set([408, 425, 429]);
/** Redirects that are followed. 303 is not among them: it says that the call was heard, and where to read on. */
const REDIRECTS = new Set([301, 302, 307, 308]);

export type Connections = Dispatcher;

/** Connections of callbacks, apart from all others. Destroyed by whoever opened them. */
export function openCallbackConnections(): Connections {
  return new Agent({ keepAliveTimeout: 10_000, connect: { timeout: 10_000 }, allowH2: false });
}

/**
 * Posts the body once.
 * @throws the reason of the signal when the server stops; everything else is an outcome
 */
export async function sendCallback(callback: Callback, dispatcher: Connections, signal: AbortSignal): Promise<Outcome> {
  const deadline = new AbortController();
  // AbortSignal.timeout would be kept until its time is over, however soon the answer comes: a minute of calls at once.
  const timer = setTimeout(() => deadline.abort(), callback.timeMs);
  const ended = AbortSignal.any([signal, deadline.signal]);
  try {
    let { url } = callback;
    if (!allows(callback.hosts, url))
      return { kind: 'refused', why: `${url.host} is not among the hosts to be called` };
    for (let redirects = 0; ; redirects += 1) {
      const answer = await post(callback, url, { dispatcher, ended });
      if (!REDIRECTS.has(answer.status)) return judge(answer);
      const next = follow(url, answer, callback.hosts);
      if (!(next instanceof URL)) return next;
      if (redirects === MOST_REDIRECTS) return { kind: 'refused', why: `more than ${MOST_REDIRECTS} redirects` };
      url = next;
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return { kind: 'later', why: `no answer within ${callback.timeMs} ms` };
    return { kind: 'later', why: reasonOf(cause) };
  } finally {
    clearTimeout(timer);
  }
}

interface Answer {
  status: number;
  location: string | undefined;
  retryAfter: string | undefined;
}

async function post(
  { body, userAgent, timeMs }: Callback,
  url: URL,
  { dispatcher, ended }: { dispatcher: Connections; ended: AbortSignal },
): Promise<Answer> {
  const response = await request(url.origin + url.pathname + url.search, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': userAgent, ...login(url) },
    body,
    headersTimeout: timeMs,
    bodyTimeout: timeMs,
    signal: ended,
    dispatcher,
  });
  const { statusCode: status, headers } = response;
  // However the body ends, the status has come, and it is what counts.
  await response.body
    .dump({ limit: MOST_ANSWER_BYTES, signal: AbortSignal.any([ended, AbortSignal.timeout(ANSWER_MS)]) })
    .catch(() => undefined);
  return { status, location: single(headers['location']), retryAfter: single(headers['retry-after']) };
}

/** User and password of the address go where `curl` and the original's library put them. */
function login({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Where a redirect leads, if that is the same host; never from https to http. */
function follow(from: URL, { location, status }: Answer, hosts: readonly string[]): URL | Outcome {
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to === undefined) return { kind: 'refused', why: `a redirect (${status}) to nowhere` };
  const secure = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  if (to.hostname !== from.hostname || !secure || !allows(hosts, to)) {
    return { kind: 'refused', why: `a redirect to ${to.protocol}//${to.host.slice(0, 100)}, which is not followed` };
  }
  // The login stays on the line it was meant for.
  if (to.origin === from.origin && to.username === '') [to.username, to.password] = [from.username, from.password];
  return to;
}

function judge({ status, retryAfter }: Answer): Outcome {
  if ((status >= 200 && status < 300) || status === 303) return { kind: 'delivered', status };
  const why = `it answered ${status}`;
  if (status < 500 && !PASSING.has(status)) return { kind: 'refused', why };
  const afterMs = pauseAsked(retryAfter);
  return { kind: 'later', why, ...(afterMs !== undefined && { afterMs }) };
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3), bounded. Its other form, a date, is rare and would need their clock. */
function pauseAsked(retryAfter: string | undefined): number | undefined {
  return /^\d{1,9}$/.test(retryAfter ?? '') ? Math.min(LONGEST_PAUSE_MS, Number(retryAfter) * 1000) : undefined;
}

/** In few words; messages of libraries may quote the address. */
function reasonOf(cause: unknown): string {
  const { code, name } = cause as { code?: string; name?: string };
  return `no answer (${code ?? name ?? 'unknown'})`;
}
