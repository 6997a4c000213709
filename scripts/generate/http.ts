/** docs/http.md: every request of the HTTP API. */
import { PERMISSIONS, type Route, ROUTE_NAMES, ROUTES } from '@kolejka/protocol';
import { code, list, page, table } from './markdown.ts';

const STREAMS = { bytes: 'raw bytes', events: 'a stream of server-sent events', text: 'a text' } as const;
const CALLERS = { anyone: 'anyone', user: 'whoever is logged in' } as const;

export function httpPage(): string {
  return page('HTTP API', [
    'Paths end in a slash. An answer is one JSON object whose last key is `"status": "OK"`; what is refused answers `"status": "FAIL"` with a `code` ([errors](errors.md)). A caller proves who they are with the session cookie of `POST /login/` and, for all but GET and HEAD, the csrftoken cookie sent back as `X-CSRFToken`. In place of both a request may carry `Authorization: Bearer TOKEN`; the token is made by `kolejka-server token create NAME`. Requests marked *ours* are not in the original.',
    table(
      ['request', 'what', ''],
      ROUTE_NAMES.map((name) => {
        const { about, ...route }: Route = ROUTES[name];
        return [
          `[${code(`${route.method} ${route.path}`)}](#${name.toLowerCase()})`,
          about,
          route.extension ? 'ours' : '',
        ];
      }),
    ),
    ...ROUTE_NAMES.map((name) => section(name, ROUTES[name])),
    '## Permissions',
    table(
      ['permission', 'what it allows'],
      Object.entries(PERMISSIONS).map(([name, about]) => [code(name), about]),
    ),
    '## Not here yet',
    'The original has these, this server does not:',
    list(MISSING),
    '## Different on purpose',
    list(DIFFERENT),
  ]);
}

const MISSING = [
  '`DELETE` of tasks, results, references and blobs: nothing is ever removed.',
  '`PUT /task/task/ID/` and `PUT /task/result/ID/`, there the same as `GET`.',
  '`callback_url` of a task is kept and answered, but nobody calls it.',
  'The group Managers.',
];

const DIFFERENT = [
  'A malformed identifier is refused with 400, in the original with 404; a result of one is unknown, as there.',
  '`POST /queue/dequeue/` never gives more tasks than `concurency`; the original may give one more.',
];

function section(name: string, route: Route): string {
  const rows = [
    ['request', code(`${route.method} ${route.path}`)],
    ['who may', route.may in CALLERS ? CALLERS[route.may as keyof typeof CALLERS] : code(route.may)],
    ['query', describe(route.query)],
    ['body', describe(route.body)],
    ['answer', describe(route.answer)],
    ['without an answer', route.repeatable ? 'may be sent again' : 'must not be sent again as it is'],
    ['errors', route.errors.map(code).join(', ')],
  ];
  return `## ${name}\n\n${route.about}\n\n${table(
    ['', name],
    rows.filter(([, value]) => value !== ''),
  )}`;
}

type Shape = Route['answer'] | Route['body'];

/** The fields of a schema, or what kind of stream it is. */
function describe(shape: Shape): string {
  if (shape === undefined) return '';
  if (typeof shape === 'string') return STREAMS[shape];
  const schema = shape.toJSONSchema({ unrepresentable: 'any', io: 'input' });
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return schema.type === 'object' ? '' : 'a JSON object';
  return fields.map(([name, value]) => `${code(name)}${typeName(value)}`).join(', ');
}

function typeName(value: unknown): string {
  const { type } = value as { type?: string };
  return type === undefined || type === 'object' ? '' : ` (${type})`;
}
