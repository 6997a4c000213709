import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkBlobs, type CheckOptions } from '../../src/blobs/check.ts';
import { findReference, giveUpReference, type ReferenceRow } from '../../src/database/references.ts';
import { ENGINES } from '../engines.ts';
import { hashOf, type Keeping, openKeeping } from './keeping-scene.ts';

async function check(scene: Keeping, options: CheckOptions = {}) {
  const found = await Array.fromAsync(checkBlobs(scene, options));
  return found.map(({ finding, about, inUse, repaired }) => {
    const words = [finding, about.slice(0, 16), ...(inUse ? ['in use'] : []), ...(repaired ? ['repaired'] : [])];
    return words.join(', ');
  });
}
const file = ({ root }: Keeping, text: string) => path.join(root, hashOf(text).slice(0, 2), hashOf(text));
const short = (text: string) => hashOf(text).slice(0, 16);

for (const engine of ENGINES) {
  const { test, name } = engine;

  test(`${name}: where nothing is wrong nothing is found`, async (t) => {
    const scene = await openKeeping(t, engine);
    for (const text of ['one', 'two', '']) await scene.upload(text);
    t.deepEqual(await check(scene, { hashes: true, repair: true }), []);
    t.is((await scene.files()).length, 3);
  });

  test(`${name}: files without rows, rows without files, damaged files and wrong counts are found and repaired`, async (t) => {
    const scene = await openKeeping(t, engine);
    for (const text of ['whole', 'longer', 'other', 'lost', 'taken']) await scene.upload(text);
    const unused = await scene.upload('unused');
    await scene.store.write(async (db) => giveUpReference(db, (await findReference(db, unused)) as ReferenceRow, 1));
    await appendFile(file(scene, 'longer'), '!');
    await writeFile(file(scene, 'other'), 'OTHER');
    await rm(file(scene, 'lost'));
    await rm(file(scene, 'unused'));
    await writeFile(file(scene, 'stray'), 'stray');
    await rename(file(scene, 'taken'), path.join(scene.root, 'outgoing', `${hashOf('taken')}.x`));
    await mkdir(path.join(scene.root, 'incoming', 'dead'));
    await writeFile(path.join(scene.root, 'incoming', 'dead', 'half'), 'ha');
    await scene.store.write((db) => db.run('update users set used_bytes = 7'));

    const found = [
      `wrong size, ${short('longer')}, in use`,
      `row without file, ${short('lost')}, in use`,
      `row without file, ${short('taken')}, in use`,
      `row without file, ${short('unused')}`,
      `file without row, ${short('stray')}`,
      `left over, outgoing/${hashOf('taken').slice(0, 7)}`,
      'wrong count, kim',
    ];
    t.deepEqual((await check(scene)).toSorted(), found.toSorted());
    t.deepEqual(
      (await check(scene, { hashes: true })).toSorted(),
      [...found, `wrong hash, ${short('other')}, in use`].toSorted(),
    );

    const repaired = await check(scene, { hashes: true, repair: true });
    const notRepaired = repaired.filter((line) => !line.endsWith('repaired'));
    // Bytes that are gone can only be sent again; those that were taken away have come back.
    t.deepEqual(notRepaired, [`row without file, ${short('lost')}, in use`]);
    t.true(repaired.includes('left over, incoming, repaired'));
    t.deepEqual(
      (await readdir(path.join(scene.root, 'damaged'))).toSorted(),
      [hashOf('longer'), hashOf('other')].toSorted(),
    );
    for (const text of ['longer', 'other', 'lost']) await scene.upload(text);
    await rm(path.join(scene.root, 'damaged'), { recursive: true });
    t.deepEqual(await check(scene, { hashes: true }), []);
    t.deepEqual(await scene.files(), ['whole', 'longer', 'other', 'lost', 'taken'].map(hashOf).toSorted());
  });

  test(`${name}: regression: a file that an upload heals while it is being looked at stays`, async (t) => {
    const scene = await openKeeping(t, engine);
    await scene.upload('healed');
    await writeFile(file(scene, 'healed'), 'HEALED');
    const blobs: typeof scene.blobs = {
      ...scene.blobs,
      async get(hash) {
        const found = await scene.blobs.get(hash);
        await scene.upload('healed');
        return found;
      },
    };
    t.deepEqual(await check({ ...scene, blobs }, { hashes: true, repair: true }), [
      `wrong hash, ${short('healed')}, in use`,
    ]);
    t.is(await readFile(file(scene, 'healed'), 'utf8'), 'healed');
    t.deepEqual(await check(scene, { hashes: true }), []);
  });

  test(`${name}: regression: a blob that is collected while it is being looked at is no finding`, async (t) => {
    const scene = await openKeeping(t, engine);
    await scene.upload('going');
    const blobs: typeof scene.blobs = { ...scene.blobs, get: async () => undefined };
    t.deepEqual(await check({ ...scene, blobs }, { hashes: true, repair: true }), []);
  });
}
