/** What documents say may be sent is at least what the parsers take, and what is printed is what they say. */
import {
  type Files,
  mapFiles,
  parseHandedIn,
  parseFlag,
  parseLimits,
  parseTask,
  printResult,
  printTask,
  ReferenceKey,
  TaskId,
  UNITS,
} from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import type { z } from 'zod';
import { limitsInput } from '../../src/json/limits.ts';
import { printed, written } from '../../src/json/quantities.ts';
import { resultInput, resultPrinted } from '../../src/json/result.ts';
import { taskInput, taskPrinted } from '../../src/json/task.ts';
import { jsonLike, results, tasks } from '../arbitraries.ts';
import { refusalOf } from '../refusal.ts';

const ID = TaskId.parse('1'.repeat(32));
const REFERENCE = ReferenceKey.parse('2'.repeat(32));
const stored = (files: Files) => mapFiles(files, () => ({ reference: REFERENCE }));

/** Texts that look like numbers with suffixes, and any JSON. */
const quantities = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789+-._eE kKmMgGtTpPbBsHDWµn\t')), maxLength: 8 }),
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom('64M', '1.5G', ' 1_000 kb', '.5s', '5e-5s', '1e3', '5M', '1µ', 'yes', ''),
);

interface Parser {
  parse: (value: unknown, field: string) => number | boolean;
  print: (value: never) => unknown;
}
const PARSERS: Record<keyof ReturnType<typeof written>, Parser> = {
  ...UNITS,
  flag: { parse: parseFlag, print: (value) => value },
};

for (const unit of Object.keys(PARSERS) as (keyof ReturnType<typeof written>)[]) {
  test(`whatever is read as ${unit} may be sent, and what is printed of it fits`, (t) => {
    const { parse, print } = PARSERS[unit];
    fc.assert(
      fc.property(quantities, (value) => {
        if (refusalOf(() => parse(value, 'f')) !== undefined) return;
        requireFit(written()[unit], value);
        requireFit(printed()[unit], print(parse(value, 'f') as never));
      }),
    );
    t.pass();
  });
}

test('a text that is no number is no quantity', (t) => {
  for (const unit of ['bytes', 'duration', 'count', 'big count'] as const) {
    for (const bad of ['lots', '1x', '', 'k', '--1', {}, [], null])
      t.false(written()[unit].safeParse(bad).success, unit);
  }
});

test('whatever is read as limits, a task or a result may be sent', (t) => {
  const task = {
    ...printTask(parseTask({ image: 'i', stdin: 'a', exclusive: true })),
    limits: { cpus: 1, time: '1s' },
  };
  const result = { ...printResult(parseHandedIn({ id: ID }).result), attempt: 1, result: 0, stdout: 'a' };
  // The server takes files by reference only; the parsers also take the paths of a directory.
  const without = ({ files: _files, ...rest }: Record<string, unknown>) => rest;
  fc.assert(
    fc.property(jsonLike(without(task)), jsonLike(without(result)), (one, other) => {
      const asTask = { image: 'i', ...(one as object), files: {} };
      if (refusalOf(() => parseTask(asTask)) === undefined) requireFit(taskInput(), asTask);
      const asResult = { ...(other as object), id: ID, files: {} };
      if (refusalOf(() => parseHandedIn(asResult)) === undefined) requireFit(resultInput(), asResult);
    }),
  );
  fc.assert(
    fc.property(jsonLike({ cpus: 1, memory: 1, network: true, time: 1, perf_cycles: 1 }), (limits) => {
      if (refusalOf(() => parseLimits(limits)) === undefined) requireFit(limitsInput('task'), limits);
    }),
  );
  t.pass();
});

test('every task and every result is printed as documents say', (t) => {
  fc.assert(
    fc.property(tasks, results, (task, result) => {
      requireFit(taskPrinted(), printTask({ ...task, id: ID, files: stored(task.files) }));
      requireFit(resultPrinted(), printResult({ ...result, id: ID, files: stored(result.files) }));
    }),
  );
  t.pass();
});

function requireFit(schema: z.ZodType, value: unknown): void {
  const { error } = schema.safeParse(value);
  if (error !== undefined) throw new Error(`${JSON.stringify(value)}: ${error.message}`);
}
