import { fieldsOf, type JsonSchema, jsonSchemaOf, typeInWords } from '@kolejka/protocol/openapi';
import test from 'ava';
import { z } from 'zod';

const input = (schema: z.ZodType): JsonSchema => jsonSchemaOf(schema, 'input', new Map());
const Named = z.union([z.number(), z.string()]).meta({ id: 'Named' });

const WORDS: [z.ZodType, string][] = [
  [z.string(), 'text'],
  [z.string().max(5), 'text of at most 5 characters'],
  [z.string().regex(/^[0-9a-f]{32}$/), '32 hexadecimal digits'],
  [z.iso.datetime({ precision: 3 }), 'time in UTC'],
  [z.int(), 'whole number'],
  [z.int().positive(), 'whole number above 0'],
  [z.number().min(0).max(60), 'number from 0 to 60'],
  [z.boolean().nullish(), 'true or false or null'],
  [z.enum(['keep', 'kill']), '"keep" or "kill"'],
  [z.union([z.string(), z.boolean()]).nullish(), 'text or true or false or null'],
  [z.array(Named).max(3), 'list of [Named], at most 3'],
  [Named.nullish(), '[Named] or null'],
  [z.record(z.string(), Named), 'object of name and [Named]'],
  [z.unknown(), 'anything'],
];

for (const [schema, words] of WORDS) {
  test(`a schema in words: ${words}`, (t) => t.is(typeInWords(input(schema)), words));
}

test('fields of objects inside come after the object, with the way to them', (t) => {
  const rule = z.looseObject({ glob: z.string(), strip: z.int().default(0).describe('how many') });
  const schema = z.object({ name: z.string(), rules: z.array(rule).nullish(), files: z.record(z.string(), rule) });
  t.deepEqual(
    fieldsOf(input(schema)).map(({ name, required, about }) => [name, required, about]),
    [
      ['name', true, ''],
      ['rules', false, ''],
      ['rules[].glob', true, ''],
      ['rules[].strip', false, 'how many; 0 when absent'],
      ['files', true, ''],
      ['files.NAME.glob', true, ''],
      ['files.NAME.strip', false, 'how many; 0 when absent'],
    ],
  );
});

test('null is said where it is answered, not where it may be left out', (t) => {
  const schema = z.object({ next: z.int().nullable(), tags: z.string().nullish() });
  t.deepEqual(
    fieldsOf(input(schema)).map(({ type }) => type),
    ['whole number or null', 'text'],
  );
});

test('fields of an object that is made of names are reached by the name', (t) => {
  const schema = z.record(z.string(), z.object({ reference: z.string() }));
  t.deepEqual(
    fieldsOf(input(schema)).map(({ name }) => name),
    ['NAME.reference'],
  );
});

test('two schemas of one name are a mistake, the same one twice is not', (t) => {
  const named = new Map<string, JsonSchema>();
  const make = (inner: z.ZodType) => z.object({ inner }).meta({ id: 'Same' });
  jsonSchemaOf(make(z.string()), 'input', named);
  t.notThrows(() => jsonSchemaOf(make(z.string()), 'input', named));
  t.throws(() => jsonSchemaOf(make(z.number()), 'input', named), { message: /Same/ });
});
