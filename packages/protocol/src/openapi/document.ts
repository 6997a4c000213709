/** The route table as one document of OpenAPI 3.1. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { NOUNS, type Route } from '../routes.ts';
import { type JsonSchema, jsonSchemaOf, type Named } from './json-schema.ts';
import { headOf, type Operation, operationOf } from './operation.ts';

export interface OpenApiDocument {
  openapi: '3.1.1';
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: typeof SECURITY_SCHEMES; schemas: Record<string, JsonSchema> };
}

const DESCRIPTION = [
  'Paths end in a slash.',
  'An answer is one JSON object whose last key is `"status": "OK"`; what is refused answers `"status": "FAIL"` with a `code`.',
  'A later version may answer more fields and drops fields of a request that it does not know.',
  'A request with `x-extension` is not in the original API of kolejka.',
].join(' ');

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token from `kolejka-server token create`.' },
  session: { type: 'apiKey', in: 'cookie', name: 'sessionid', description: 'Given by `POST /login/`.' },
  csrfCookie: { type: 'apiKey', in: 'cookie', name: 'csrftoken', description: 'Given by `GET /login/`.' },
  csrfHeader: { type: 'apiKey', in: 'header', name: 'X-CSRFToken', description: 'The csrftoken cookie, sent back.' },
} as const;

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** What every refusal is. */
const Refusal = z
  .object({
    message: z.string().describe('one sentence for people'),
    code: z.enum(CODES).describe('what went wrong, for programs'),
    field: z.string().optional().describe('the field at fault, as a dotted path: limits.memory'),
    status: z.literal('FAIL').describe('always the last key'),
  })
  .meta({ id: 'Refusal', description: 'A request that was not done.' });

/**
 * The document. Slow (some milliseconds): make it when it is asked for, and keep it.
 * @param version of the server
 */
export function openApiDocument(version: string): OpenApiDocument {
  const named: Named = new Map();
  jsonSchemaOf(Refusal, 'output', named);
  const paths: OpenApiDocument['paths'] = {};
  for (const [noun, { routes }] of Object.entries(NOUNS)) {
    for (const [name, route] of Object.entries<Route>(routes)) {
      const operations = (paths[templateOf(route.path)] ??= {});
      const operation = operationOf(name, noun, route, named);
      operations[route.method.toLowerCase()] = operation;
      if (route.method === 'GET' && (route.answer === 'bytes' || route.answer === 'piece'))
        operations['head'] = headOf(operation);
    }
  }
  const schemas = [...named].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return {
    openapi: '3.1.1',
    info: { title: 'Kolejka', version, description: DESCRIPTION },
    tags: Object.entries(NOUNS).map(([name, { about }]) => ({ name, description: about })),
    paths,
    components: { securitySchemes: SECURITY_SCHEMES, schemas: Object.fromEntries(schemas) },
  };
}

/** `/task/task/:id/` is `/task/task/{id}/` there. */
function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}
