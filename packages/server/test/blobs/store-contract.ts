/** What every blob store must do; each implementation's test calls this with its own way of making one. */
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type BlobHash, GridError } from '@kolejka/protocol';
import type { TestFn } from 'ava';
import type { BlobStore, Incoming, Placed } from '../../src/blobs/store.ts';

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

/** Puts bytes as a write that succeeds does. */
async function put(store: BlobStore, incoming: Partial<Incoming> & Pick<Incoming, 'bytes'>): Promise<Placed> {
  const placed = await store.put({ largest: LARGEST, ...incoming });
  placed.stay();
  await placed.settle();
  return placed;
}

/** Registers the tests of the contract. */
export function testStore(test: TestFn, name: string, open: () => Promise<StoreUnderTest>): void {
  test(`${name}: bytes come back as they were put`, async (t) => {
    const { store } = await open();
    const bytes = randomBytes(3_000_000);
    const placed = await store.put({
      bytes: chunks(bytes.subarray(0, 1), bytes.subarray(1)),
      largest: LARGEST,
      size: bytes.length,
    });
    t.like(placed, { hash: hashOf(bytes), size: bytes.length });
    await placed.settle();
    const found = await store.get(placed.hash);
    t.is(found?.size, bytes.length);
    t.true(bytes.equals(await buffer(found?.bytes ?? chunks())));
    t.true(await store.has(placed.hash));
  });

  test(`${name}: a blob may be empty`, async (t) => {
    const { store } = await open();
    const { hash, size } = await put(store, { bytes: chunks(), size: 0 });
    t.deepEqual([hash, size], [hashOf(Buffer.alloc(0)), 0]);
    const found = await store.get(hash);
    t.is((await buffer(found?.bytes ?? chunks(Buffer.from('x')))).length, 0);
  });

  test(`${name}: what was never put is not there`, async (t) => {
    const { store } = await open();
    t.is(await store.get(NOWHERE), undefined);
    t.false(await store.has(NOWHERE));
    t.is(store.takeAway(NOWHERE), undefined);
    t.deepEqual(await store.takenAway(), []);
  });

  test(`${name}: a part is the bytes from its first to its last`, async (t) => {
    const { store } = await open();
    const bytes = randomBytes(1_000_000);
    const { hash } = await put(store, { bytes: chunks(bytes) });
    for (const [start, end] of [
      [0, 0],
      [999_999, 999_999],
      [300_000, 700_000],
      [0, 999_999],
    ] as const) {
      const found = await store.get(hash, { start, end });
      t.is(found?.size, bytes.length);
      t.true(bytes.subarray(start, end + 1).equals(await buffer(found?.bytes ?? chunks())));
    }
  });

  test(`${name}: what was taken away is not there any more, and nothing of it when it is removed`, async (t) => {
    const { store, kept } = await open();
    const { hash } = await put(store, { bytes: chunks(Buffer.from('a')) });
    const taken = store.takeAway(hash);
    t.false(await store.has(hash));
    t.is(await store.get(hash), undefined);
    t.is(store.takeAway(hash), undefined);
    t.deepEqual(
      (await store.takenAway()).map((one) => one.hash),
      [hash],
    );
    await taken?.remove();
    await taken?.remove();
    t.deepEqual(await kept(), []);
    t.deepEqual(await store.takenAway(), []);
  });

  test(`${name}: what was taken away can be put back, over nothing and beside others`, async (t) => {
    const { store, kept } = await open();
    const { hash } = await put(store, { bytes: chunks(Buffer.from('a')) });
    store.takeAway(hash)?.putBack();
    t.true(await store.has(hash));
    const taken = store.takeAway(hash);
    await put(store, { bytes: chunks(Buffer.from('a')) });
    taken?.putBack();
    await taken?.remove();
    t.true(await store.has(hash));
    t.is((await kept()).length, 1);
  });

  test(`${name}: bytes that are taken away while they are being put stay`, async (t) => {
    const { store, kept } = await open();
    const placed = await store.put({ bytes: chunks(Buffer.from('a')), largest: LARGEST });
    const taken = store.takeAway(placed.hash);
    placed.stay();
    t.true(await store.has(placed.hash));
    await Promise.all([placed.settle(), taken?.remove()]);
    const found = await store.get(placed.hash);
    t.is((await buffer(found?.bytes ?? chunks())).toString(), 'a');
    t.is((await kept()).length, 1);
  });

  test(`hostile input 53: ${name}: bytes of another hash than announced are refused and leave nothing`, async (t) => {
    const { store, kept } = await open();
    const error = await t.throwsAsync(put(store, { bytes: chunks(Buffer.from('a')), hash: NOWHERE }), {
      instanceOf: GridError,
    });
    t.is(error?.code, 'bad-body');
    t.deepEqual(await kept(), []);
    await t.notThrowsAsync(put(store, { bytes: chunks(Buffer.from('a')), hash: hashOf(Buffer.from('a')) }));
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
    const puts = Array.from({ length: 50 }, () => put(store, { bytes: chunks(bytes) }));
    for (const { hash } of await Promise.all(puts)) t.is(hash, hashOf(bytes));
    t.is((await kept()).length, 1);
  });

  test(`hostile input 54: ${name}: a hash that is none leads nowhere`, async (t) => {
    const { store } = await open();
    await t.throwsAsync(async () => store.get('../../etc/passwd' as BlobHash));
    await t.throwsAsync(async () => store.has('..' as BlobHash));
  });
}
