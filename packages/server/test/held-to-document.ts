/**
 * Holds what the server answers to its OpenAPI document: the path, the method, the status and the code are in it, the
 * JSON fits and has no field more, and a request that was done fits what the document says of its body.
 */
import { STATUS_CODES } from 'node:http';
import { type JsonSchema, openApiDocument, type Operation } from '@kolejka/protocol/openapi';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** One request and what was answered. */
export interface Exchange {
  method: string;
  url: string;
  /** The body that was sent, where it is a text. */
  sent: string | undefined;
  status: number;
  headers: Headers;
  text: string;
}

const NAME = 'kolejka';
const text = JSON.stringify(openApiDocument('0')).replaceAll('"#/components/', `"${NAME}#/components/`);
const document = JSON.parse(text) as ReturnType<typeof openApiDocument>;
const ajv = new Ajv2020({ strict: false, validateFormats: false, verbose: true });
// What a caller may send stays open: the server drops what it does not know.
const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [
  name,
  name.endsWith('Input') ? schema : close(schema),
]);
ajv.addSchema({ $id: NAME, components: { schemas: Object.fromEntries(schemas) as Record<string, JsonSchema> } });

/** Answered, but no part of the API. */
const BESIDE: ReadonlySet<string> = new Set(['/openapi.json', '/docs', '/docs/', '/metrics', '/metrics/']);

/** Fixed paths first, as the server takes them. */
const paths = Object.entries(document.paths)
  .map(([path, operations]) => ({ path, operations, pattern: patternOf(path) }))
  .toSorted((one, other) => Number(one.path.includes('{')) - Number(other.path.includes('{')));

/** @throws Error that names the request, its status, and where what was answered or sent does not fit the document */
export function holdToDocument(exchange: Exchange): void {
  const { method, status, text: answered } = exchange;
  const { pathname } = new URL(exchange.url);
  const fail = (why: string): never => {
    const said = answered.length > 300 ? `${answered.slice(0, 300)}…` : answered;
    throw new Error(`${method} ${pathname} answered ${status} ${STATUS_CODES[status]}, but ${why}\nanswered: ${said}`);
  };
  if (BESIDE.has(pathname)) return;
  if (status === 301) return void (exchange.headers.has('location') || fail('it does not say where to'));
  const found = paths.find(({ pattern }) => pattern.test(pathname));
  if (found === undefined) return requireCode(exchange, 'no-route', fail);
  const operation = found.operations[method.toLowerCase()] ?? (method === 'HEAD' ? found.operations['get'] : undefined);
  if (operation === undefined) return requireCode(exchange, 'no-method', fail);
  const { operationId } = operation;
  const response = operation.responses[status];
  if (response === undefined)
    return fail(`the document has no such answer of ${operationId}: add the error to its row`);
  if (method === 'HEAD' || response.content === undefined) return void (answered === '' || fail('it has no body'));
  const type = exchange.headers.get('content-type')?.split(';')[0] ?? 'nothing';
  const schema = response.content[type]?.schema;
  if (schema === undefined) return fail(`in the document ${operationId} does not answer ${type}`);
  if (type === 'application/json') requireFit(schema, answered, fail);
  if (type === 'text/event-stream') requireEvents(answered, fail);
  if (status === 200) requireAccepted(operation, exchange, fail);
}

type Fail = (why: string) => never;

function patternOf(path: string): RegExp {
  // Some paths are answered without their last slash as well.
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replace(/(?<=.)\/$/, '/?')}$`);
}

/** What is in no operation is refused by what stands before them. */
function requireCode({ text: answered, method }: Exchange, code: string, fail: Fail): void {
  if (method === 'HEAD') return;
  if (!answered.includes(`"code":"${code}"`))
    fail(`the document has nothing there (is it in the route table?), so it should be ${code}`);
}

/** The JSON fits the schema, and `status` is its last key. */
function requireFit(schema: JsonSchema, answered: string, fail: Fail): void {
  const json = JSON.parse(answered) as Record<string, unknown>;
  if (Object.keys(json).at(-1) !== 'status') fail('status is not the last key');
  // Of an answer and a refusal that share a status, the key says which is meant: so the errors are about that one.
  const meant = schema.oneOf?.[json['status'] === 'OK' ? 0 : 1] ?? schema;
  const why = misfit(closed(meant), json);
  if (why !== undefined) fail(`it does not fit the document: ${why}`);
}

function requireEvents(answered: string, fail: Fail): void {
  for (const [, data = ''] of answered.matchAll(/^data: (.*)$/gm)) {
    const why = misfit({ $ref: `${NAME}#/components/schemas/TaskEvent` }, JSON.parse(data));
    if (why !== undefined) fail(`an event does not fit the document: ${why}`);
  }
}

/** A request that was done fits the document too. */
function requireAccepted({ requestBody }: Operation, { sent, text: answered }: Exchange, fail: Fail): void {
  const schema = requestBody?.content['application/json']?.schema;
  if (schema === undefined || sent === undefined || answered.endsWith('"FAIL"}')) return;
  if (!sent.trimStart().startsWith('{')) return;
  const why = misfit(schema, JSON.parse(sent));
  if (why !== undefined) fail(`the document says it cannot be sent: ${why}\nsent: ${sent.slice(0, 300)}`);
}

function misfit(schema: JsonSchema, value: unknown): string | undefined {
  const fits = ajv.compile(schema);
  if (fits(value)) return undefined;
  return fits.errors
    ?.map(({ instancePath, message, params }) => `${instancePath || 'it'} ${message} ${JSON.stringify(params)}`)
    .join('; ');
}

const closings = new WeakMap<JsonSchema, JsonSchema>();

/** The closed schema, the same one each time: it is compiled once. */
function closed(schema: JsonSchema): JsonSchema {
  const before = closings.get(schema);
  if (before !== undefined) return before;
  const made = close(schema);
  closings.set(schema, made);
  return made;
}

/** The document is open for fields to come; today's server has none that it does not name. */
function close<Part>(part: Part): Part {
  if (Array.isArray(part)) return part.map(close) as Part;
  if (typeof part !== 'object' || part === null) return part;
  const inner = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, close(value as unknown)]));
  const isOpen = inner['type'] === 'object' && 'properties' in inner && !('additionalProperties' in inner);
  return (isOpen ? { ...inner, additionalProperties: false } : inner) as Part;
}
