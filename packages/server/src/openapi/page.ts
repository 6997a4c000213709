/**
 * The document of the API as one page for people: no script, nothing fetched, so it works without a network.
 *
 * Every text of the document goes through `escape`.
 */
import { hash } from 'node:crypto';
import {
  type Field,
  fieldsOf,
  type JsonSchema,
  type OpenApiDocument,
  type Operation,
  type Response,
  typeInWords,
} from '@kolejka/protocol/openapi';
import { STYLE } from './style.ts';

/** What the page may do in a browser: show itself in its own style. */
export const PAGE_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

export function printPage(document: OpenApiDocument): string {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, operation })),
  );
  // HEAD is said by the GET beside it.
  const shown = operations.filter(({ title }) => !title.startsWith('HEAD '));
  const title = `${info.title} ${info.version}: HTTP API`;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>`,
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body><main>`,
    `<h1>${escape(title)}</h1><p>${prose(info.description)}</p>`,
    '<p>The same for programs: <a href="../openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
    table(
      ['a caller proves who they are by', ''],
      Object.values(components.securitySchemes).map((scheme) => [
        'name' in scheme ? `${scheme.in} <code>${scheme.name}</code>` : '<code>Authorization: Bearer</code>',
        prose(scheme.description),
      ]),
    ),
    ...tags.map(({ name, description }) => {
      const rows = shown
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ title: request, operation }) => [
          `<a href="#${operation.operationId}"><code>${escape(request)}</code></a>`,
          prose(operation.summary),
        ]);
      return `<h2>${escape(name)}</h2><p>${prose(description)}</p>${table(['request', ''], rows)}`;
    }),
    '<h2>Requests</h2>',
    ...shown.map(({ title: request, operation }) => section(request, operation)),
    '<h2>What is sent and answered</h2>',
    ...Object.entries(components.schemas).map(([name, schema]) => definition(name, schema)),
    '</main></body></html>\n',
  ].join('\n');
}

function section(request: string, operation: Operation): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const notes = [
    operation['x-extension'] ? 'Not in the original API.' : '',
    operation['x-repeatable'] ? '' : 'Without an answer it must not be sent again as it is.',
  ];
  const body = Object.entries(requestBody?.content ?? {});
  return [
    `<section id="${operationId}"><h3><code>${escape(request)}</code></h3>`,
    `<p>${prose(summary)}</p><p>${prose([description, ...notes].filter((note) => note !== '').join(' '))}</p>`,
    table(
      ['parameter', 'in', 'type', ''],
      parameters.map(({ name, in: place, schema, description: about = '', required }) => [
        `<code>${escape(name)}</code>${required ? '' : ' (optional)'}`,
        place,
        linked(typeInWords(schema)),
        prose(about),
      ]),
    ),
    ...body
      .slice(0, 1)
      .map(([, { schema }]) => `<h4>Body: ${body.map(([type]) => type).join(' or ')}</h4>${shape(schema)}`),
    ...Object.entries(responses).map(([status, response]) => answer(status, response)),
    '</section>',
  ].join('\n');
}

function answer(status: string, { description, content = {} }: Response): string {
  const shapes = Object.entries(content).map(([type, { schema }]) => {
    // A refusal is the same everywhere; its codes are in the description.
    const ok = schema.oneOf?.[0] ?? schema;
    return ok.allOf === undefined ? `<p>${escape(type)}</p>${shape(ok)}` : '';
  });
  return `<h4>${status}</h4><p>${prose(description)}</p>${shapes.join('')}`;
}

function definition(name: string, schema: JsonSchema): string {
  return `<section id="${name}"><h3>${name}</h3><p>${prose(schema.description ?? '')}</p>${shape(schema)}</section>`;
}

/** The fields of an object, or what it is instead. */
function shape(schema: JsonSchema): string {
  const fields = fieldsOf(schema);
  if (fields.length > 0) return table(['field', 'type', ''], fields.map(rowOf));
  const type = typeInWords(schema);
  return type === 'anything' ? '' : `<p>${linked(type)}</p>`;
}

function rowOf({ name, type, required, about }: Field): string[] {
  return [`<code>${escape(name)}</code>${required ? '' : ' (optional)'}`, linked(type), prose(about)];
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>${row(columns, 'th')}${rows.map((cells) => row(cells, 'td')).join('\n')}</table>`;
}

/** `[Task]` leads to the schema of that name. */
function linked(type: string): string {
  return escape(type).replaceAll(/\[(\w+)\]/g, '<a href="#$1">$1</a>');
}

/** Text with `code` in it. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPED[character] ?? '');
}
