import { keepOutput, readOutput } from '../../src/database/output.ts';
import { removeTask } from '../../src/database/removal.ts';
import { giveBack } from '../../src/queue/leases.ts';
import { testOnBoth } from '../queue-scene.ts';

const NOTHING = { stdout: 0, stderr: 0 };
const part = (at: number, text: string) => ({
  stream: 'stdout' as const,
  at,
  bytes: Buffer.from(text).toString('base64'),
});

testOnBoth('what one server was told of an output, another one reads', async (t, open) => {
  const [one, other] = [await open(), await open()];
  const id = await one.put();
  await one.take();
  const { number } = await one.row(id);
  await one.store.write((db) => keepOutput(db, number, part(0, 'here ')));
  await other.store.write((db) => keepOutput(db, number, part(5, 'there')));
  for (const { store } of [one, other])
    t.deepEqual(await store.read((db) => readOutput(db, number, NOTHING)), [part(0, 'here there')]);
});

testOnBoth(
  'where parts are missing, what comes after the gap is read, and parts that overlap are read once',
  async (t, open) => {
    const { put, row, store } = await open();
    const { number } = await row(await put());
    await store.write(async (db) => {
      for (const [at, text] of [
        [0, 'lost'],
        [10, 'abc'],
        [11, 'bcd'],
        [12, 'c'],
      ] as const)
        await keepOutput(db, number, part(at, text));
    });
    t.deepEqual(await store.read((db) => readOutput(db, number, NOTHING)), [part(10, 'abcd')]);
    t.deepEqual(await store.read((db) => readOutput(db, number, { stdout: 12, stderr: 0 })), [part(12, 'cd')]);
  },
);

testOnBoth('nothing is kept of a task that was given back or removed', async (t, open) => {
  const { put, take, row, store, clock } = await open();
  const ids = [await put(), await put()];
  await take();
  for (const [index, id] of ids.entries()) {
    const task = await row(id);
    await store.write((db) => keepOutput(db, task.number, part(0, 'x')));
    await store.write((db) =>
      index === 0 ? giveBack(db, task, clock.now()) : removeTask(db, task, { now: clock.now(), why: 'test' }),
    );
  }
  t.deepEqual(await store.read((db) => db.all('select * from output_parts')), []);
});
