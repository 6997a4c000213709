/** JSON schemas of the schemas of the grid: what a caller may send, or what an answer is. */
import { z } from 'zod';
import { documentedAs } from '../shape.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Schemas with a name, as they are written once for the whole document. */
export type Named = Map<string, JsonSchema>;

/** Where a document keeps its named schemas. */
export const COMPONENTS = '#/components/schemas/';

/**
 * The schema as JSON schema (draft 2020-12, the one of OpenAPI 3.1).
 *
 * Schemas with an `id` in their metadata are put into `named` and referred to. Objects stay open: a later server may
 * answer more fields, and unknown fields of a request are dropped.
 * @param io `input`: what may be sent, with defaults left out; `output`: what is answered
 * @throws Error when two different schemas have one name
 */
export function jsonSchemaOf(schema: z.core.$ZodType, io: 'input' | 'output', named: Named): JsonSchema {
  const {
    $schema: _draft,
    $defs,
    ...made
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const as = documentedAs(zodSchema);
      if (as !== undefined) {
        const { description } = jsonSchema;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, jsonSchemaOf(as, io, named), description === undefined ? {} : { description });
      }
      tidy(jsonSchema);
    },
  });
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const before = named.get(name);
    const now = refer(definition);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(now)) {
      throw new Error(`two different schemas are called ${name}`);
    }
    named.set(name, now);
  }
  return refer(made);
}

/** The same with every reference leading to the components of the document. */
function refer<Part>(part: Part): Part {
  if (Array.isArray(part)) return part.map(refer) as Part;
  if (typeof part !== 'object' || part === null) return part;
  const entries = Object.entries(part).map(([key, value]) => [
    key,
    key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', COMPONENTS) : refer(value as unknown),
  ]);
  return Object.fromEntries(entries) as Part;
}

const MOMENT = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`;

/** Takes out what says nothing to a reader. */
function tidy(schema: JsonSchema): void {
  // Every whole number is one that JavaScript can hold.
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // zod's own pattern knows the leap years, in 300 characters.
  if (schema.format === 'date-time') schema.pattern = MOMENT;
  const others = schema.additionalProperties;
  if (others === false || (typeof others === 'object' && Object.keys(others).length === 0)) {
    delete schema.additionalProperties;
  }
  if (JSON.stringify(schema.propertyNames) === '{"type":"string"}') delete schema.propertyNames;
  // What is nullish is a choice of a choice.
  schema.anyOf &&= schema.anyOf.flatMap((one) =>
    typeof one === 'object' && one.anyOf !== undefined && Object.keys(one).length === 1 ? one.anyOf : [one],
  );
}
