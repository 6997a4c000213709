/**
 * The boundary: JSON of unknown shape through a zod schema, or a GridError that names the field.
 *
 * Schemas here transform what comes in into what the grid works with; `checked` lets our own parsers, which throw
 * GridError, be part of a schema without losing the field they name. No JSON schema can be made of a parser, so each
 * says beside it what it accepts (`json/`).
 */
import { z } from 'zod';
import { GridError } from './errors.ts';

/**
 * `value` as the schema has it.
 * @param field dotted path of the value itself, put before the path inside it; may be empty
 * @throws GridError `bad-value` with the first field at fault
 */
export function parseShape<Schema extends z.ZodType>(schema: Schema, value: unknown, field = ''): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = [field, ...(issue?.path ?? []).map(String)].filter((part) => part !== '').join('.');
  const inner = issue?.code === 'custom' ? (issue.params?.['field'] as string | undefined) : undefined;
  const at = inner ?? path;
  const sentence = issue?.message ?? 'is not valid';
  const message = inner === undefined ? `${at === '' ? 'the body' : at}: ${lowerFirst(sentence)}` : sentence;
  throw new GridError('bad-value', message, at === '' ? {} : { field: at });
}

/** What schemas are in documents, where that is not what they check. (A ZodType here is too deep for the compiler.) */
const DOCUMENTED = z.registry<{ as: () => unknown }>();

/**
 * The schema, which documents show as another one: it checks by a parser, or less than is true, for speed.
 * @param as makes the other one; called only when a document is written
 */
export function documented<Schema extends z.ZodType>(schema: Schema, as: () => z.ZodType): Schema {
  DOCUMENTED.add(schema, { as });
  return schema;
}

/** What the schema is in documents, where it is another one. */
export function documentedAs(schema: z.core.$ZodType): z.ZodType | undefined {
  return DOCUMENTED.get(schema)?.as() as z.ZodType | undefined;
}

/**
 * A schema from a parser that throws GridError. The parser is told the dotted path it is at, and hears a missing key as null.
 * @param accepts the JSON the parser accepts, for documents; where it is left out, they say that anything is
 */
export function checked<Parsed>(
  parse: (value: unknown, field: string) => Parsed,
  field: string,
  accepts?: () => z.ZodType,
): z.ZodType<Parsed> {
  // A missing key is heard as null: zod calls no transform for what is not there.
  const schema = z
    .unknown()
    .prefault(null)
    .transform((value, context) => {
      try {
        return parse(value, field);
      } catch (thrown) {
        if (!(thrown instanceof GridError)) throw thrown;
        context.addIssue({ code: 'custom', message: thrown.message, params: { field: thrown.field ?? field } });
        return z.NEVER;
      }
    });
  return accepts === undefined ? schema : documented(schema, accepts);
}

function lowerFirst(sentence: string): string {
  return sentence.slice(0, 1).toLowerCase() + sentence.slice(1);
}
