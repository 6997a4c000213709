/** docs/http.md: every request of the HTTP API, from the same document that the server answers at /openapi.json. */
import { errorsOf, ERRORS, NOUNS, PERMISSIONS, type Route } from '@kolejka/protocol';
import {
  type Field,
  fieldsOf,
  type JsonSchema,
  openApiDocument,
  type Operation,
  type Parameter,
  typeInWords,
} from '@kolejka/protocol/openapi';
import { code, page, table } from './markdown.ts';

const CALLERS = { anyone: 'anyone', user: 'whoever is logged in' } as const;

export function httpPage(): string {
  const { paths, components } = openApiDocument('');
  const operations = new Map(
    Object.values(paths).flatMap((path) => Object.values(path).map((operation) => [operation.operationId, operation])),
  );
  const nouns = Object.entries<{ about: string; routes: Record<string, Route> }>(NOUNS);
  return page('HTTP API', [
    'Paths end in a slash. An answer is one JSON object whose last key is `"status": "OK"`; what is refused answers `"status": "FAIL"` with a `code` ([errors](errors.md)). A caller proves who they are with the session cookie of `POST /login/` and, for all but GET and HEAD, the csrftoken cookie sent back as `X-CSRFToken`. In place of both a request may carry `Authorization: Bearer TOKEN`; the token is made by `kolejka-server token create NAME`. Requests marked *ours* are not in the original.',
    'A server tells the same about itself: as OpenAPI 3.1 at `/openapi.json`, and as a page at `/docs`.',
    table(
      ['about', 'request', 'what', ''],
      nouns.flatMap(([noun, { routes }]) =>
        Object.entries(routes).map(([name, route]) => [
          noun,
          `[${code(`${route.method} ${route.path}`)}](#${name.toLowerCase()})`,
          route.about,
          route.extension ? 'ours' : '',
        ]),
      ),
    ),
    '## Requests',
    ...nouns.flatMap(([, { routes }]) =>
      Object.entries(routes).map(([name, route]) => section(name, route, operations.get(name) as Operation)),
    ),
    '## What is sent and answered',
    'Fields that are optional may be null in what is sent. Unknown ones are dropped.',
    ...Object.entries(components.schemas).map(
      ([name, schema]) => `### ${name} schema\n\n${schema.description ?? ''}\n\n${shape(schema)}`,
    ),
    '## Permissions',
    table(
      ['permission', 'what it allows'],
      Object.entries(PERMISSIONS).map(([name, about]) => [code(name), about]),
    ),
    "Where an answer is deliberately not the original's: [differences](differences.md).",
  ]);
}

function section(name: string, route: Route, { parameters, requestBody, responses }: Operation): string {
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const rows = [
    ['request', code(`${route.method} ${route.path}`)],
    ['who may', route.may in CALLERS ? CALLERS[route.may as keyof typeof CALLERS] : code(route.may)],
    ['body', type === undefined ? '' : (kindOf(content?.schema ?? {}) ?? type)],
    ['without an answer', route.repeatable ? 'may be sent again' : 'must not be sent again as it is'],
    [
      'errors',
      errorsOf(route)
        .map((error) => `${code(error)} ${ERRORS[error].status}`)
        .join(', '),
    ],
  ];
  const [answerType, answer] = Object.entries(responses['200']?.content ?? {})[0] ?? [];
  const ok = answer?.schema.oneOf?.[0] ?? answer?.schema ?? {};
  return [
    `### ${name}`,
    route.about,
    table(
      ['', name],
      rows.filter(([, value]) => value !== ''),
    ),
    parameterTable(parameters),
    fieldTable('field of the body', fieldsOf(content?.schema ?? {})),
    answerType === 'application/json' ? fieldTable('field of the answer', fieldsOf(ok)) : `Answers ${answerType}.`,
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

function parameterTable(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return '';
  return table(
    ['parameter', 'in', 'type', ''],
    parameters.map(({ name, in: place, schema, description = '', required }) => [
      code(name),
      place,
      linked(typeInWords(schema)),
      required ? description : optional(description),
    ]),
  );
}

/** What a body is, where it is not a table of fields. */
function kindOf(schema: JsonSchema): string | undefined {
  if (schema.properties !== undefined) return 'a JSON object';
  const words = typeInWords(schema);
  return words === 'anything' ? undefined : linked(words);
}

/** The fields of an object, or what it is instead. */
function shape(schema: JsonSchema): string {
  const fields = fieldsOf(schema);
  return fields.length > 0 ? fieldTable('field', fields) : `${linked(typeInWords(schema))}.`;
}

function fieldTable(title: string, fields: readonly Field[]): string {
  if (fields.length === 0) return '';
  return table(
    [title, 'type', ''],
    fields.map(({ name, type, required, about }) => [code(name), linked(type), required ? about : optional(about)]),
  );
}

const optional = (about: string) => (about === '' ? '*optional*' : `*optional*: ${about}`);

/** `[Task]` leads to the schema of that name. */
function linked(type: string): string {
  return type.replaceAll(/\[(\w+)\]/g, (_all, name: string) => `[${name}](#${name.toLowerCase()}-schema)`);
}
