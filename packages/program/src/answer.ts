/**
 * What an answer of a server means: the checked JSON of its route, or a GridError.
 *
 * Our server names a code in every refusal. The original names none: there the HTTP status says it, and where that is
 * 200 (`"status": "FAIL"`) its sentence.
 */
import {
  ERRORS,
  type ErrorCode,
  GridError,
  isErrorCode,
  parseShape,
  ROUTES,
  type Route,
  type RouteAnswer,
  type RouteName,
} from '@kolejka/protocol';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Sentences of the original's FAIL answers. */
const SENTENCES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^Task .* is unknown$/, 'task-unknown'],
  [/^File .* does not have a reference$/s, 'file-without-reference'],
  [/^Reference for file .* is unknown$/s, 'reference-unknown'],
  [/^Reference for file .* belongs to a different user$/s, 'reference-of-another'],
  [/^Image .* (is not accepted|could not be|exceeds)/s, 'image-unavailable'],
];

/** Codes of statuses without a code. 403 of the original means both "not logged in" and "not permitted". */
const STATUSES: Readonly<Record<number, ErrorCode>> = {
  401: 'not-logged-in',
  403: 'not-logged-in',
  404: 'not-found',
  405: 'no-method',
  413: 'too-large',
  // These come from what stands in front of a server that does not answer.
  502: 'server-unreachable',
  503: 'server-unreachable',
  504: 'server-unreachable',
};

/** What to say where the answer has no sentence of its own. */
const SAYINGS: Partial<Record<ErrorCode, string>> = {
  'not-logged-in': 'refuses this: not logged in, or not permitted',
  'not-found': 'has no such thing',
  'server-unreachable': 'does not answer',
  'wrong-password': 'does not accept this username and password',
};

/**
 * The answer's JSON as the route's schema has it.
 * @throws GridError what the server refuses with, or `bad-answer`
 */
export function parseAnswer<Name extends RouteName>(server: string, name: Name, answer: Answer): RouteAnswer<Name> {
  const json = parseJson(answer.text);
  if (answer.status !== 200 || json?.['status'] !== 'OK') throw refusalOf(server, name, answer);
  const route: Route = ROUTES[name];
  if (typeof route.answer !== 'object') return undefined as RouteAnswer<Name>;
  try {
    return parseShape(route.answer, json) as RouteAnswer<Name>;
  } catch (cause) {
    const { message } = cause as GridError;
    throw new GridError('bad-answer', `The server ${server} answers ${name} with something else: ${message}.`, {
      cause,
    });
  }
}

/** The refusal an answer carries. */
export function refusalOf(server: string, name: RouteName, answer: Answer): GridError {
  const json = parseJson(answer.text);
  const said = typeof json?.['message'] === 'string' ? json['message'] : undefined;
  if (answer.status >= 300 && answer.status < 400) {
    const elsewhere = String(answer.headers['location'] ?? 'nowhere');
    return new GridError('no-route', `The server ${server} sends us to ${elsewhere}: correct its address.`);
  }
  if (answer.status === 200 && json?.['status'] !== 'FAIL') {
    return new GridError('bad-answer', `What answers at ${server} is not a kolejka server.`);
  }
  const code = isErrorCode(json?.['code']) ? json['code'] : impliedCode(name, answer.status, said);
  const field = typeof json?.['field'] === 'string' ? { field: json['field'] } : {};
  const saying = SAYINGS[code] ?? `answered ${answer.status} to ${name}`;
  return new GridError(code, said ?? `The server ${server} ${saying} (${answer.status}).`, field);
}

function impliedCode(name: RouteName, status: number, said: string | undefined): ErrorCode {
  if (status !== 200) return STATUSES[status] ?? (status >= 500 ? 'bad-answer' : 'bad-value');
  const bySentence = SENTENCES.find(([pattern]) => said !== undefined && pattern.test(said))?.[1];
  const route: Route = ROUTES[name];
  const onlyOne = route.errors.filter((code) => ERRORS[code].status === 200);
  return bySentence ?? (onlyOne.length === 1 ? onlyOne[0] : undefined) ?? 'bad-value';
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    // The original answers errors with HTML or nothing.
    return undefined;
  }
}
