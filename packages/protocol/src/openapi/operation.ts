/** One request of the table as an operation of OpenAPI 3.1. */
import { z } from 'zod';
import { PERMISSIONS } from '../access.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { errorsOf } from '../routes/errors-of.ts';
import type { Route } from '../routes/route.ts';
import { COMPONENTS, type JsonSchema, jsonSchemaOf, type Named } from './json-schema.ts';
import { STREAMS } from './streams.ts';

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: Record<string, string[]>[];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Response>;
  /** Not in the original. */
  'x-extension': boolean;
  /** May the same request be sent again when no answer came? */
  'x-repeatable': boolean;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

export type Content = Record<string, { schema: JsonSchema }>;

export interface Response {
  description: string;
  headers?: Record<string, { description: string; schema: JsonSchema }>;
  content?: Content;
}

/** @param named takes the schemas that have a name */
export function operationOf(name: string, noun: string, route: Route, named: Named): Operation {
  const { about, body } = route;
  return {
    operationId: name,
    tags: [noun],
    summary: about,
    description: [describeCaller(route), ...notesOn(route)].join(' '),
    security: securityOf(route),
    parameters: [
      ...parametersOf(route.params, 'path', named),
      ...parametersOf(route.query, 'query', named),
      ...parametersOf(route.headers, 'header', named),
    ],
    ...(body !== undefined && { requestBody: requestBodyOf(route, body, named) }),
    responses: responsesOf(route, named),
    'x-extension': route.extension === true,
    'x-repeatable': route.repeatable,
  };
}

/** HEAD of what is answered as bytes: the same without them. */
export function headOf(get: Operation): Operation {
  const responses = Object.entries(get.responses).map(([status, { content: _none, ...rest }]) => [status, rest]);
  return {
    ...get,
    operationId: `${get.operationId}Head`,
    summary: `${get.summary} Only the headers.`,
    responses: Object.fromEntries(responses) as Operation['responses'],
  };
}

function describeCaller({ may }: Route): string {
  if (may === 'anyone') return 'For anyone.';
  return may === 'user' ? 'For whoever is logged in.' : `Takes the permission \`${may}\`: ${PERMISSIONS[may]}.`;
}

function notesOn({ slashless, largest }: Route): string[] {
  return [
    ...(slashless === true ? ['Also answered without the last slash.'] : []),
    ...(largest === undefined ? [] : [`Its body may have ${largest} bytes, however few the server allows to others.`]),
  ];
}

/** Ways to say who one is; the names are those of the document's security schemes. */
function securityOf({ may, method }: Route): Record<string, string[]>[] {
  const csrf = method === 'GET' ? {} : { csrfCookie: [], csrfHeader: [] };
  if (may === 'anyone') return [csrf];
  return [{ bearer: [] }, { session: [], ...csrf }];
}

function parametersOf(fields: z.ZodObject | undefined, place: Parameter['in'], named: Named): Parameter[] {
  if (fields === undefined) return [];
  const { properties = {}, required = [] } = jsonSchemaOf(fields, 'input', named);
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...plain } = schema as JsonSchema;
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema: plain,
    };
  });
}

function requestBodyOf(
  route: Route,
  body: NonNullable<Route['body']>,
  named: Named,
): { required: boolean; content: Content } {
  if (body === 'bytes') return { required: true, content: { [STREAMS.bytes.type]: { schema: {} } } };
  const schema = jsonSchemaOf(body, 'input', named);
  const form = route.form === true ? { 'application/x-www-form-urlencoded': { schema } } : {};
  return { required: !body.safeParse({}).success, content: { 'application/json': { schema }, ...form } };
}

function responsesOf(route: Route, named: Named): Record<string, Response> {
  const refused = Map.groupBy(errorsOf(route), (code) => ERRORS[code].status);
  const responses: Record<string, Response> = { 200: okOf(route, refused.get(200) ?? [], named) };
  if (typeof route.answer === 'string') Object.assign(responses, STREAMS[route.answer].responses);
  for (const [status, codes] of refused) {
    if (status === 200) continue;
    const headers = RETRIED.has(status) ? { headers: RETRY_AFTER } : {};
    responses[status] = { description: describeCodes(codes), ...headers, content: json(refusalOf(codes)) };
  }
  return responses;
}

/** Statuses whose answers say when to ask again. */
const RETRIED: ReadonlySet<number> = new Set([429, 503]);
const RETRY_AFTER = { 'Retry-After': { description: 'in so many seconds', schema: { type: 'integer' } } } as const;

/** What is refused with 200, because the original does, stands beside what is answered. */
function okOf({ answer }: Route, refusals: readonly ErrorCode[], named: Named): Response {
  const description = refusals.length === 0 ? 'The answer.' : `The answer, or a refusal. ${describeCodes(refusals)}`;
  const fail = refusals.length === 0 ? [] : [refusalOf(refusals)];
  if (typeof answer === 'string') {
    const { type, schema, headers } = STREAMS[answer];
    const content = { [type]: { schema: typeof schema === 'function' ? schema(named) : schema } };
    return { description, headers, content: fail[0] === undefined ? content : { ...content, ...json(fail[0]) } };
  }
  const ok = withStatus(jsonSchemaOf(answer, 'output', named));
  return { description, content: json(fail.length === 0 ? ok : { oneOf: [ok, ...fail] }) };
}

const json = (schema: JsonSchema): Content => ({ 'application/json': { schema } });

/** `status` is the last key of every answer. */
function withStatus(schema: JsonSchema): JsonSchema {
  const { properties = {}, required = [], ...rest } = schema;
  return {
    ...rest,
    properties: { ...properties, status: { const: 'OK', description: 'always the last key' } },
    required: [...required, 'status'],
  };
}

/** A refusal with one of the codes. */
function refusalOf(codes: readonly ErrorCode[]): JsonSchema {
  return { allOf: [{ $ref: `${COMPONENTS}Refusal` }, { properties: { code: { enum: [...codes] } } }] };
}

function describeCodes(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\`: ${ERRORS[code].remedy}`).join(' ');
}
