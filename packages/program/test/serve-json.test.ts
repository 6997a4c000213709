import { GridError } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { readJson } from '../src/serve-json.ts';

const MIB = 1024 ** 2;
const read = (text: string | Buffer, largest = MIB) => readJson(Buffer.from(text as string), largest);

async function refusal(text: string | Buffer, largest = MIB): Promise<[string, string | undefined, string]> {
  try {
    await read(text, largest);
  } catch (thrown) {
    if (thrown instanceof GridError) return [thrown.code, thrown.field, thrown.message];
    throw thrown;
  }
  throw new Error('was read');
}

test('what JSON.stringify writes is read as JSON.parse reads it', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.constantFrom(undefined, 1, '\t'), async (text, space) => {
      const written = JSON.stringify(JSON.parse(text), undefined, space);
      t.deepEqual(await read(written), JSON.parse(written));
    }),
    { numRuns: 300 },
  );
});

test('what JSON.parse refuses is refused; what it takes is taken, or refused for what is worse than wrong', async (t) => {
  const alphabet = '{ } [ ] : , " \\ . 0 1 3 e E - + n u l t r f a s'.split(' ').concat(' ', '\n', '\0', 'é');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), async (letters) => {
      const text = letters.join('');
      const ours = await read(text).catch((thrown: unknown) => thrown);
      if (!(ours instanceof GridError)) t.deepEqual(ours, JSON.parse(text), text);
      else if (parses(text)) t.regex(ours.message, /comes twice|too large a number|surrogate/, text);
    }),
    { numRuns: 5000 },
  );
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const wrong = ['', ' ', '{', '[', '"', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,}', '[1,]', '[,]', '[1 2]'];
const wronger = ['{"a" 1}', '{a:1}', "{'a':1}", '{1:1}', '[1}', '{"a":1]', ']', '}', ',', ':', '1 1', '{}{}', '[]]'];
const words = ['nul', 'nulll', 'True', 'NaN', 'Infinity', '-Infinity', 'undefined', '\u00a0{}', '\u0000'];
const numbers = ['01', '1.', '.1', '+1', '-', '1e', '1e+', '0x1', '1_000', '--1', '1.2.3'];
const texts = ['"\n"', '"\\x"', '"\\u12"', '"\\"', '"\u0000"', '"\u001f"'];
for (const text of [...wrong, ...wronger, ...words, ...numbers, ...texts]) {
  test(`${JSON.stringify(text)} is no JSON`, async (t) => {
    t.throws(() => JSON.parse(text) as unknown);
    t.is((await refusal(text))[0], 'bad-json');
  });
}

test('a byte order mark is passed over, other bytes that are no text are not', async (t) => {
  t.deepEqual(await read('\ufeff{"a":1}'), { a: 1 });
  t.is((await refusal(Buffer.from([0x22, 0xc3, 0x22])))[0], 'bad-json');
  t.is((await refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])))[0], 'bad-json');
});

test('keys may be called like properties of every object', async (t) => {
  const text = '{"__proto__":{"admin":true},"constructor":1,"toString":2,"":3}';
  const value = (await read(text)) as Record<string, unknown>;
  t.is(JSON.stringify(value), text);
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.is((value as { admin?: unknown }).admin, undefined);
});

const REFUSED = [
  ['brackets in brackets', '['.repeat(1e5), 'bad-value', undefined],
  ['objects in objects', '{"a":'.repeat(1e5), 'bad-value', undefined],
  ['a key that comes twice', '{"limits":{"cpus":1,"cpus":2}}', 'bad-json', 'limits.cpus'],
  ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'bad-json', '__proto__'],
  ['the same key, written otherwise', '{"a":1,"\\u0061":2}', 'bad-json', 'a'],
  ['a number out of reach', '{"files":{"x":[0,1e999]}}', 'bad-value', 'files.x.1'],
  ['a negative number out of reach', '-1e999', 'bad-value', undefined],
  ['a number of a million digits', `{"a":${'1'.repeat(900_000)}}`, 'bad-value', 'a'],
  ['half a surrogate pair', '{"args":["x","\\ud800"]}', 'bad-value', 'args.1'],
  ['half a surrogate pair in a key', '{"a":{"\\udc00":1}}', 'bad-value', 'a.'],
  ['a text of megabytes', `{"a":"${'x'.repeat(2 * MIB)}"}`, 'too-large', 'a'],
  ['more values than the size allows', `[${'0,'.repeat(70_000)}0]`, 'too-large', undefined],
] as const;
for (const [name, text, code, field] of REFUSED) {
  test(`hostile input 36: ${name} is refused with its place`, async (t) => {
    t.deepEqual((await refusal(text)).slice(0, 2), [code, field]);
  });
}

test('numbers keep what JSON.parse keeps of them', async (t) => {
  const list = '[0,-0,1e308,-1e-999,9007199254740993,123456789012345678901234567890,0.1]';
  t.deepEqual(await read(list), JSON.parse(list));
});

/** Time this thread has been at work, in milliseconds: not what others of a busy machine have had of it meanwhile. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Reads the text while a timer ticks; answers the longest work between two ticks, in milliseconds. */
async function longestBlock(bytes: Buffer, largest: number): Promise<number> {
  let [last, longest] = [spentMs(), 0];
  const tick = () => {
    const now = spentMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  await readJson(bytes, largest).catch(() => undefined);
  tick();
  clearInterval(timer);
  return longest;
}

const keys = Array.from({ length: 80_000 }, (_, index) => `"${index.toString(36)}":{}`).join();
const files = Array.from({ length: 10_000 }, (_, index) => `"d/${index}":{"reference":"${'0'.repeat(32)}"}`).join();
const HUGE = {
  'keys without number': `{${keys}}`,
  'empty lists': `[${'[],'.repeat(80_000)}0]`,
  'brackets that close': `${'['.repeat(MIB)}${']'.repeat(MIB)}`,
  blanks: ' '.repeat(2 * MIB),
  escapes: `["${'\\n'.repeat(MIB)}"]`,
  'a result with many files': `{"files":{${files}}}`,
};
for (const [name, text] of Object.entries(HUGE)) {
  test.serial(`hostile input 36: ${name} let other requests go on`, async (t) => {
    const bytes = Buffer.from(text);
    const blocks = [await longestBlock(bytes, 2 * MIB), await longestBlock(bytes, 2 * MIB)];
    // The smaller of two: this machine does other things as well.
    t.true(Math.min(...blocks) < 50, `${blocks.join(' and ')} ms`);
  });
}
