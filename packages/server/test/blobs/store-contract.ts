/** What every blob store must do; each implementation's test calls this with its own way of making one. */
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type BlobHash, GridError } from '@kolejka/protocol';
import type { TestFn } from 'ava';
import type { BlobStore } from '../../src/blobs/store.ts';

export interface StoreUnderTest {
  store: BlobStore;
  /** Everything the store keeps, unfinished things included, one name for each. */
  kept: () => Promise<string[]>;
}

const LARGEST = 10 * 1024 * 1024;
const NOWHERE = '0'.repeat(64) as BlobHash;
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as BlobHash;

async function* chunks(...given: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* given;
}

async function* broken(before: Uint8Array): AsyncGenerator<Uint8Array> {
  yield before;
  throw new Error('the other side hung up');
}

/** Registers the tests of the contract. */
export function testStore(test: TestFn, name: string, open: () => Promise<StoreUnderTest>): void {
  test(`${name}: bytes come back as they were put`, async (t) => {
    const { store } = await open();
    const bytes = randomBytes(3_000_000);
    const put = await store.put({
      bytes: chunks(bytes.subarray(0, 1), bytes.subarray(1)),
      largest: LARGEST,
      size: bytes.length,
    });
    t.deepEqual(put, { hash: hashOf(bytes), size: bytes.length });
    const found = await store.get(put.hash);
    t.is(found?.size, bytes.length);
    t.true(bytes.equals(await buffer(found?.bytes ?? chunks())));
    t.true(await store.has(put.hash));
  });

  test(`${name}: a blob may be empty`, async (t) => {
    const { store } = await open();
    const { hash, size } = await store.put({ bytes: chunks(), largest: LARGEST, size: 0 });
    t.deepEqual([hash, size], [hashOf(Buffer.alloc(0)), 0]);
    const found = await store.get(hash);
    t.is((await buffer(found?.bytes ?? chunks(Buffer.from('x')))).length, 0);
  });

  test(`${name}: what was never put is not there`, async (t) => {
    const { store } = await open();
    t.is(await store.get(NOWHERE), undefined);
    t.false(await store.has(NOWHERE));
    await t.notThrowsAsync(store.remove(NOWHERE));
  });

  test(`${name}: what was removed is not there any more`, async (t) => {
    const { store, kept } = await open();
    const { hash } = await store.put({ bytes: chunks(Buffer.from('a')), largest: LARGEST });
    await store.remove(hash);
    t.false(await store.has(hash));
    t.is(await store.get(hash), undefined);
    t.deepEqual(await kept(), []);
  });

  const refused = {
    'a body that is shorter than announced': {
      incoming: { bytes: chunks(Buffer.from('ab')), size: 3 },
      code: 'bad-body',
    },
    'a body that is longer than announced': {
      incoming: { bytes: chunks(Buffer.from('abcd')), size: 3 },
      code: 'bad-body',
    },
    'a body that breaks off': { incoming: { bytes: broken(Buffer.from('ab')) }, code: 'bad-body' },
    'a body that grows too large': {
      incoming: { bytes: chunks(Buffer.alloc(LARGEST), Buffer.alloc(1)) },
      code: 'too-large',
    },
    'a body that is announced too large': { incoming: { bytes: chunks(), size: LARGEST + 1 }, code: 'too-large' },
  } as const;
  for (const [what, { incoming, code }] of Object.entries(refused)) {
    test(`${name}: ${what} is refused and leaves nothing`, async (t) => {
      const { store, kept } = await open();
      const error = await t.throwsAsync(store.put({ largest: LARGEST, ...incoming }), { instanceOf: GridError });
      t.is(error?.code, code);
      t.deepEqual(await kept(), []);
    });
  }

  test(`hostile input 53: ${name}: the same bytes from 50 at once are kept once`, async (t) => {
    const { store, kept } = await open();
    const bytes = randomBytes(100_000);
    const puts = Array.from({ length: 50 }, () => store.put({ bytes: chunks(bytes), largest: LARGEST }));
    for (const { hash } of await Promise.all(puts)) t.is(hash, hashOf(bytes));
    t.is((await kept()).length, 1);
  });

  test(`hostile input 54: ${name}: a hash that is none leads nowhere`, async (t) => {
    const { store } = await open();
    await t.throwsAsync(async () => store.get('../../etc/passwd' as BlobHash));
    await t.throwsAsync(async () => store.has('..' as BlobHash));
  });
}
