/**
 * When is our answer as good as the recorded one? Defined here and nowhere else.
 *
 * The status is equal, and so is where a redirect leads. An answer to HEAD has no body. JSON has the same keys in the same order at every depth, the last one `status`, and the same
 * values, except identifiers and moments, which each server makes for itself. Bytes are equal. Headers that clients
 * read are equal: the type without parameters, the length of bytes, the name in Content-Disposition.
 * Ours may say more where the original says nothing or only a sentence: bodies of 403 and 404, and `code` and `field`
 * between `message` and `status` of a FAIL.
 */
import type { Answer } from './server-scene.ts';

export interface Recorded {
  status: number;
  headers: [string, string][];
  body: { text: string };
}

const MADE_BY_SERVER = /^([0-9a-f]{32}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;
const OURS = new Set(['code', 'field']);

/** What differs, one line each; nothing when the answers are equivalent. */
export function differences(recorded: Recorded, answer: Answer): string[] {
  const found: string[] = [];
  const compare = (what: string, theirs: unknown, ours: unknown) => {
    if (theirs !== ours) found.push(`${what}: ${JSON.stringify(theirs)} became ${JSON.stringify(ours)}`);
  };
  compare('status', recorded.status, answer.status);
  const theirs = new Headers(recorded.headers);
  compare('Location', theirs.get('Location'), answer.headers.get('Location'));
  if (recorded.status !== 200) return found;
  compare('Content-Type', typeOf(theirs), typeOf(answer.headers));
  if (recorded.body.text === '' && answer.text === '') {
    // HEAD: the headers are all there is.
  } else if (typeOf(theirs) === 'application/json') {
    compare('JSON', shape(JSON.parse(recorded.body.text)), shape(withoutOurs(answer.json)));
    compare('last key', 'status', Object.keys(answer.json).at(-1));
  } else {
    compare('bytes', recorded.body.text, answer.text);
    for (const name of ['Content-Length', 'Content-Disposition']) {
      compare(name, theirs.get(name), answer.headers.get(name));
    }
  }
  compare('cookies', cookieNames(theirs), cookieNames(answer.headers));
  return found;
}

function typeOf(headers: Headers): string | undefined {
  return headers.get('content-type')?.split(';')[0];
}

function cookieNames(headers: Headers): string {
  return headers
    .getSetCookie()
    .map((cookie) => cookie.trim().split('=')[0])
    .join();
}

/** JSON as a text in which what each server makes for itself looks the same. */
function shape(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' && MADE_BY_SERVER.test(inner) ? 'made by the server' : inner,
  );
}

function withoutOurs(json: Record<string, unknown>): Record<string, unknown> {
  if (json['status'] !== 'FAIL') return json;
  return Object.fromEntries(Object.entries(json).filter(([key]) => !OURS.has(key)));
}
