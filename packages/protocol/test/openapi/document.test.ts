import { LIMIT_NAMES, NOUNS, parseShape, Result, ROUTE_NAMES, ROUTES, Task } from '@kolejka/protocol';
import { type JsonSchema, openApiDocument } from '@kolejka/protocol/openapi';
import test from 'ava';

const document = openApiDocument('1.2.3');
const { schemas } = document.components;
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

/** Everything inside the value that is an object, the value too. */
function* inside(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* inside(inner);
}

test('every route is under one noun, and is one operation', (t) => {
  const grouped = Object.values(NOUNS).flatMap(({ routes }) => Object.keys(routes));
  t.deepEqual(grouped.toSorted(), ROUTE_NAMES.toSorted());
  const named = operations.map(({ operationId }) => operationId).filter((name) => !name.endsWith('Head'));
  t.deepEqual(named.toSorted(), ROUTE_NAMES.toSorted());
});

test('what is read as bytes can be asked for by HEAD', (t) => {
  const { get, head } = document.paths['/blob/reference/{key}/'] ?? {};
  t.is(get?.operationId, 'getReference');
  t.is(head?.operationId, 'getReferenceHead');
  t.is(head?.responses['200']?.content, undefined);
});

test('every reference leads to a schema of the document', (t) => {
  for (const { $ref } of inside(document)) {
    if (typeof $ref === 'string') t.true(Object.hasOwn(schemas, $ref.split('/').at(-1) ?? ''), $ref);
  }
});

test('no body is "anything": every parser says what it accepts', (t) => {
  for (const { operationId, requestBody } of operations) {
    const schema = requestBody?.content['application/json']?.schema;
    for (const [name, field] of Object.entries(schema?.properties ?? {})) {
      t.true(Object.keys(field as JsonSchema).length > 0, `${operationId} ${name}`);
    }
  }
  t.is(
    document.paths['/task/task/']?.['post']?.requestBody?.content['application/json']?.schema.$ref,
    '#/components/schemas/TaskInput',
  );
});

test('a schema of the document has every limit of the table', (t) => {
  for (const name of ['Limits', 'LimitsInput', 'BudgetInput']) {
    t.deepEqual(Object.keys(schemas[name]?.properties ?? {}), [...LIMIT_NAMES], name);
  }
});

test('documents name every field of a task and of a result', (t) => {
  const fieldsOfSchema = (name: string) => Object.keys(schemas[name]?.properties ?? {}).toSorted();
  const [ofTask, ofResult] = [Object.keys(Task.shape).toSorted(), Object.keys(Result.shape).toSorted()];
  t.deepEqual(fieldsOfSchema('Task'), ofTask);
  t.deepEqual(
    fieldsOfSchema('TaskInput'),
    ofTask.filter((name) => name !== 'id'),
  );
  t.deepEqual(fieldsOfSchema('Result'), ofResult);
  t.deepEqual(fieldsOfSchema('ResultInput'), [...ofResult, 'attempt'].toSorted());
});

test('status is the last field of every answer', (t) => {
  for (const { responses } of operations) {
    for (const { content } of Object.values(responses)) {
      for (const { properties } of inside(content)) {
        const fields = Object.keys(properties ?? {});
        if (fields.includes('status')) t.is(fields.at(-1), 'status');
      }
    }
  }
  t.is(Object.keys(schemas['Refusal']?.properties ?? {}).at(-1), 'status');
});

test('a refusal that the original answers with 200 stands beside the answer', (t) => {
  const content = document.paths['/task/task/']?.['post']?.responses['200']?.content;
  const [ok, fail] = content?.['application/json']?.schema.oneOf ?? [];
  t.deepEqual(ok?.required, ['task', 'status']);
  t.like(fail?.allOf?.[1], { properties: { code: { enum: ['file-without-reference', 'reference-unknown'] } } });
});

test('a body without fields need not be sent where nothing is required', (t) => {
  const requestBody = (path: string) => document.paths[path]?.['post']?.requestBody;
  t.false(requestBody('/queue/dequeue/')?.required);
  t.true(requestBody('/task/task/')?.required);
});

test('what documents say of an answer takes nothing from what a client accepts', (t) => {
  const odd = { task: { id: 'of another kind', image: null, more: { a: 1 } } };
  t.deepEqual(parseShape(ROUTES.getTask.answer, odd), odd);
});
