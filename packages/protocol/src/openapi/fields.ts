/** Schemas in words: the fields of an object as rows of a table, for pages that people read. */
import { COMPONENTS, type JsonSchema } from './json-schema.ts';

export interface Field {
  /** `collect[].glob` is inside each item of the list `collect`. */
  name: string;
  /** In words; `[Task]` stands for the schema of that name. */
  type: string;
  required: boolean;
  about: string;
}

/** The fields of an object, those of objects inside it after it. An object that has none has no rows. */
export function fieldsOf(schema: JsonSchema, before = ''): Field[] {
  const { properties = {}, required = [] } = schema;
  const each = valuesOf(schema);
  if (each?.properties !== undefined) return fieldsOf(each, `${before}NAME.`);
  return Object.entries(properties).flatMap(([name, property]) => {
    const field = property as JsonSchema;
    const at = before + name;
    const isRequired = required.includes(name);
    const words = typeInWords(field);
    // That null is taken for absent is not said each time.
    const type = isRequired ? words : words.replace(/ or null$/, '');
    const row = { name: at, type, required: isRequired, about: aboutOf(field) };
    const [inner, suffix] = insideOf(field);
    return [row, ...(inner === undefined ? [] : fieldsOf(inner, at + suffix))];
  });
}

/** What kind of value it is. */
export function typeInWords(schema: JsonSchema): string {
  const { $ref, type, anyOf, oneOf } = schema;
  if ($ref !== undefined) return `[${$ref.slice(COMPONENTS.length)}]`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return inWords(choices);
  if (Array.isArray(type)) return inWords(type.map((one) => ({ ...schema, type: one })));
  const words = WORDS[type ?? ''];
  return words === undefined ? 'anything' : words(schema);
}

function inWords(choices: readonly JsonSchema[]): string {
  const words = new Set(choices.map(typeInWords));
  const last = words.delete('null') ? ['null'] : [];
  return [...words, ...last].join(' or ');
}

const WORDS: Readonly<Record<string, (schema: JsonSchema) => string>> = {
  string: ({ format, pattern, maxLength }) => {
    if (format === 'date-time') return 'time in UTC';
    const hex = /^\^\[0-9a-f\]\{(\d+)\}\$$/.exec(pattern ?? '')?.[1];
    if (hex !== undefined) return `${hex} hexadecimal digits`;
    return maxLength === undefined ? 'text' : `text of at most ${maxLength} characters`;
  },
  integer: (schema) => `whole number${range(schema)}`,
  number: (schema) => `number${range(schema)}`,
  boolean: () => 'true or false',
  null: () => 'null',
  array: ({ items, maxItems }) =>
    `list of ${typeInWords((items ?? {}) as JsonSchema)}${maxItems === undefined ? '' : `, at most ${maxItems}`}`,
  object: (schema) => {
    const each = valuesOf(schema);
    return each === undefined ? 'object' : `object of name and ${typeInWords(each)}`;
  },
};

function range({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return maximum === undefined ? '' : `, at most ${maximum}`;
}

function aboutOf({ description = '', default: absent }: JsonSchema): string {
  if (absent === undefined || absent === null) return description;
  const note = `${JSON.stringify(absent)} when absent`;
  return description === '' ? note : `${description}; ${note}`;
}

/** The object inside a field, and how its fields are reached. */
function insideOf(field: JsonSchema): [JsonSchema | undefined, string] {
  const choice = field.anyOf?.find((one) => typeof one === 'object' && one.type !== 'null');
  const plain = choice ?? field;
  if (plain.properties !== undefined) return [plain, '.'];
  if (plain.type === 'array') return nested(plain.items as JsonSchema | undefined, '[].');
  return nested(valuesOf(plain), '.NAME.');
}

/** What an object has under each of its names, where they are not fields. */
function valuesOf({ additionalProperties, patternProperties = {} }: JsonSchema): JsonSchema | undefined {
  const each = Object.values(patternProperties)[0] ?? additionalProperties;
  return typeof each === 'object' ? each : undefined;
}

function nested(inner: JsonSchema | undefined, suffix: string): [JsonSchema | undefined, string] {
  return [inner?.properties === undefined ? undefined : inner, suffix];
}
