/**
 * What values look like in JSON: as they may be written, and as they are printed.
 *
 * The schemas in this directory describe; the parsers decide. They accept at least what the parsers accept.
 */
import { z } from 'zod';
import { BYTE_SUFFIXES, COUNT_SUFFIXES, DURATION_SUFFIXES, type Unit, UNITS } from '../units.ts';

/** A number of Python, loosely. */
const NUMBER = String.raw`[+-]?[\d_.]+(?:[eE][+-]?[\d_]+)?`;

function suffixed(suffixes: Readonly<Record<string, number>>) {
  const letters = Object.keys(suffixes).join('');
  return z.union([z.number(), z.string().regex(new RegExp(String.raw`^\s*${NUMBER}\s*[${letters}]*\s*$`))]);
}

const WHOLE = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

/** Made when they are first asked for: most programs never write a document. */
function once<Made>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => (made ??= make());
}

/** As a caller may write a value of the unit. */
export const written = once(
  () =>
    ({
      bytes: suffixed(BYTE_SUFFIXES).meta({
        id: 'SizeInput',
        description: `Bytes: a number, or a text: ${UNITS.bytes.written}.`,
      }),
      duration: suffixed(DURATION_SUFFIXES).meta({
        id: 'DurationInput',
        description: `A number of seconds, or a text: ${UNITS.duration.written}.`,
      }),
      count: z
        .union([z.int(), z.string().regex(WHOLE), z.boolean()])
        .meta({ id: 'CountInput', description: 'A whole number, also as a text; true is 1 and false is 0.' }),
      'big count': suffixed(COUNT_SUFFIXES).meta({
        id: 'BigCountInput',
        description: `A number, or a text: ${UNITS['big count'].written}.`,
      }),
      flag: z.union([z.boolean(), z.string(), z.number()]).meta({
        id: 'FlagInput',
        description:
          'True or false. Of texts, "false", "no" and "0" are false and all others true; of numbers, 0 is false.',
      }),
    }) as const satisfies Record<Unit | 'flag', z.ZodType>,
);

/** As the grid prints a value of the unit. */
export const printed = once(
  () =>
    ({
      bytes: z
        .string()
        .regex(/^-?\d+b$/)
        .meta({ id: 'Size', description: 'Bytes with the letter b: "67108864b".' }),
      duration: z
        .string()
        .regex(/^-?\d+(?:\.\d+)?(?:e-\d\d)?s$/)
        .meta({ id: 'Duration', description: 'Seconds with the letter s, to the microsecond: "10.0s", "5e-05s".' }),
      count: z.int(),
      'big count': z.int(),
      flag: z.boolean(),
    }) as const satisfies Record<Unit | 'flag', z.ZodType>,
);

/** What is passed on as a text, whatever it was. */
export const textInput = once(() =>
  z
    .union([z.string(), z.number(), z.boolean()])
    .meta({ id: 'TextInput', description: 'A text; a number or true and false become one.' }),
);
