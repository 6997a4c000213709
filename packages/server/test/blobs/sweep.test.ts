import { hash as digest } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { GridError, parseTask, type ReferenceKey, type TaskId } from '@kolejka/protocol';
import { keepBlob, keepPlaced, removeBlobs, settleTakenAway } from '../../src/blobs/keep.ts';
import { collectGarbage } from '../../src/blobs/sweep.ts';
import { countReferences, recordBlob } from '../../src/database/blobs.ts';
import {
  claimFiles,
  findReference,
  giveUpReference,
  insertReference,
  insertReferences,
  type ReferenceRow,
} from '../../src/database/references.ts';
import { insertTask } from '../../src/database/tasks.ts';
import { ENGINES } from '../engines.ts';
import { hashOf, type Keeping, openKeeping } from './keeping-scene.ts';

const giveUp = ({ store, clock }: Keeping, key: ReferenceKey) =>
  store.write(async (db) => giveUpReference(db, (await findReference(db, key)) as ReferenceRow, clock.now()));
const NOTHING = { uploads: 0, references: 0, condemned: 0, removed: 0, bytes: 0 };

for (const engine of ENGINES) {
  const { test, name } = engine;

  test(`${name}: a blob without references is condemned after its grace and removed by a later pass`, async (t) => {
    const scene = await openKeeping(t, engine);
    await giveUp(scene, await scene.upload('hello'));
    await scene.upload('other');
    scene.pass(999);
    t.deepEqual(await scene.collect(), NOTHING);
    scene.pass(1);
    t.deepEqual(await scene.collect(), { ...NOTHING, condemned: 1 });
    scene.pass(99);
    t.deepEqual(await scene.collect(), NOTHING);
    scene.pass(1);
    t.deepEqual(await scene.collect(), { ...NOTHING, removed: 1, bytes: 5 });
    t.deepEqual(await scene.files(), [hashOf('other')]);
    t.deepEqual(await scene.rows(), [hashOf('other')]);
    scene.pass(1e9);
    t.deepEqual(await scene.collect(), NOTHING);
  });

  test(`${name}: taking a reference revives a condemned blob`, async (t) => {
    const scene = await openKeeping(t, engine);
    for (const text of ['linked', 'uploaded']) await giveUp(scene, await scene.upload(text));
    scene.pass(1000);
    t.like(await scene.collect(), { condemned: 2 });
    await scene.upload('uploaded');
    await scene.store.write((db) =>
      insertReference(db, { key: 'a'.repeat(32) as ReferenceKey, blob: hashOf('linked'), owner: scene.owner }, 1),
    );
    scene.pass(1e9);
    t.deepEqual(await scene.collect(), NOTHING);
    t.is((await scene.files()).length, 2);
  });

  test(`${name}: a reference that was given up stays while a task names it, and goes when the task goes`, async (t) => {
    const scene = await openKeeping(t, engine);
    const key = await scene.upload('hello');
    const task = await scene.store.write(async (db) => {
      const row = await insertTask(db, {
        id: 'b'.repeat(32) as TaskId,
        owner: scene.owner,
        task: parseTask({ image: 'x' }),
        now: 1,
      });
      await claimFiles(db, row.number, 'task', [['a', key]]);
      return row;
    });
    await giveUp(scene, key);
    scene.pass(1e9);
    t.deepEqual(await scene.collect(), NOTHING);
    await scene.store.write((db) => db.run('delete from task_files where task = :task', { task: task.number }));
    t.deepEqual(await scene.collect(), { ...NOTHING, references: 1, condemned: 1 });
    scene.pass(100);
    t.like(await scene.collect(), { removed: 1 });
    t.deepEqual(await scene.files(), []);
  });

  test(`${name}: many blobs are collected in small writes, and none is forgotten`, async (t) => {
    const scene = await openKeeping(t, engine);
    const texts = Array.from({ length: 130 }, (_, index) => `file ${index}`);
    for (const text of texts) await giveUp(scene, await scene.upload(text));
    await scene.upload('kept');
    scene.pass(1000);
    t.like(await scene.collect(), { condemned: 130 });
    scene.pass(100);
    t.like(await scene.collect(), { removed: 130 });
    t.deepEqual(await scene.files(), [hashOf('kept')]);
  });

  test(`${name}: no upload that was answered loses its bytes to a collector at work beside it`, async (t) => {
    const scene = await openKeeping(t, engine);
    const other = await scene.openOne();
    const texts = ['a', 'b', 'c'];
    const stopping = new AbortController();
    // A collector without patience: what nobody refers to is removed at once, again and again.
    const collecting = (async () => {
      let removed = 0;
      while (!stopping.signal.aborted) removed += (await scene.collect({ graceMs: 0, condemnedMs: 0 })).removed;
      return removed;
    })();
    for (let round = 0; round < 60; round += 1) {
      const keys = await Promise.all(
        texts.flatMap((text) => [scene.upload(text), scene.upload(text, scene.owner, other)]),
      );
      for (const text of texts) t.true(await scene.blobs.has(hashOf(text)), `round ${round}`);
      for (const key of keys) await giveUp(scene, key);
    }
    stopping.abort();
    t.true((await collecting) > 0);
  });

  test(`${name}: what a write that fails has named leaves no bytes, unless others have them`, async (t) => {
    const scene = await openKeeping(t, engine);
    await scene.upload('shared');
    const refuse = async () => {
      throw new GridError('bytes-quota-reached', 'no');
    };
    for (const text of ['shared', 'own']) {
      const bytes = (async function* () {
        yield Buffer.from(text);
      })();
      await t.throwsAsync(keepBlob(scene, { bytes, largest: 100 }, refuse), { message: 'no' });
    }
    t.deepEqual(await scene.files(), [hashOf('shared')]);
    t.deepEqual(await scene.rows(), [hashOf('shared')]);
  });

  test(`${name}: regression: pieces whose blob cannot be recorded stay, and become one later`, async (t) => {
    const scene = await openKeeping(t, engine);
    const pieces = path.join(scene.root, 'uploads', 'bytes');
    await writeFile(pieces, 'hello');
    const adopt = () => scene.blobs.adopt(pieces, { hash: hashOf('hello'), size: 5 });
    const fail = async () => {
      throw new GridError('no-space', 'full');
    };
    await t.throwsAsync(keepPlaced(scene, await adopt(), fail), { message: 'full' });
    t.deepEqual(await scene.files(), ['bytes']);
    await keepPlaced(scene, await adopt(), async () => undefined);
    t.deepEqual(await scene.files(), [hashOf('hello')]);
  });

  test(`${name}: regression: others get their turn while many blobs and references are looked at`, async (t) => {
    const scene = await openKeeping(t, engine);
    const numbers = Array.from({ length: 2500 }, (_, index) => index);
    const keys = numbers.map((number) => number.toString(16).padStart(32, '0') as ReferenceKey);
    await scene.store.write(async (db) => {
      for (const number of numbers) await recordBlob(db, { hash: hashOf(`${number}`), size: 1 }, 1);
      const blobs = keys.map((key, index) => ({ key, blob: hashOf(`${index}`), size: 1 }));
      await insertReferences(db, blobs, scene.owner, 1);
      await db.run('update blob_references set deleted_ms = 1');
    });
    let turn = 0;
    const stop = new AbortController();
    const turning = (async () => {
      for (; !stop.signal.aborted; turn += 1) await setImmediate();
    })();
    const readsOfTurn = new Map<number, number>();
    const store: typeof scene.store = {
      ...scene.store,
      read(query) {
        readsOfTurn.set(turn, (readsOfTurn.get(turn) ?? 0) + 1);
        return scene.store.read(query);
      },
    };
    const found = await collectGarbage({ ...scene, store }, { graceMs: 1 });
    stop.abort();
    await turning;
    t.is(found.references, 2500);
    t.true(Math.max(...readsOfTurn.values()) <= 3, `${Math.max(...readsOfTurn.values())} reads in one turn`);
  });

  test(`${name}: a removal whose write fails puts the bytes back`, async (t) => {
    const scene = await openKeeping(t, engine);
    await scene.upload('hello');
    // There is a reference still, so the row cannot go.
    await t.throwsAsync(removeBlobs(scene, async () => [hashOf('hello')]));
    t.deepEqual(await scene.files(), [hashOf('hello')]);
    t.true(await scene.blobs.has(hashOf('hello')));
  });

  test(`${name}: bytes a dead process had taken away go back where there is a row, and are removed where there is none`, async (t) => {
    const scene = await openKeeping(t, engine);
    await scene.upload('hello');
    const file = (hash: string) => path.join(scene.root, hash.slice(0, 2), hash);
    const outgoing = (hash: string) => path.join(scene.root, 'outgoing', `${hash}.${digest('md5', hash)}`);
    await rename(file(hashOf('hello')), outgoing(hashOf('hello')));
    await writeFile(outgoing(hashOf('gone')), 'gone');
    t.is(await settleTakenAway(scene), 1);
    t.deepEqual(await scene.files(), [hashOf('hello')]);
    t.true(await scene.blobs.has(hashOf('hello')));
    t.is(await scene.store.read((db) => countReferences(db, hashOf('hello'))), 1);
  });
}
