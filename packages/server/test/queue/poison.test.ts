import { type ForemanName, LEASES } from '@kolejka/protocol';
import { expireLeases } from '../../src/queue/leases.ts';
import { endPauses } from '../../src/database/queues.ts';
import { idsOf, testOnBoth } from '../queue-scene.ts';

testOnBoth(
  'hostile input 57: a task that ends every foreman that takes it is given up after three, and others are run',
  async (t, open) => {
    const { put, take, row, store, clock, events } = await open();
    const [poison, harmless] = [await put({ image: 'poison' }), await put()];
    const done: string[] = [];
    const killed: string[] = [];
    for (let foreman = 1; foreman <= 6; foreman += 1) {
      const taken = idsOf(await take({ foreman: `f${foreman}` as ForemanName, most: 1 }));
      if (taken.includes(poison)) {
        // Nobody hears of this foreman again.
        killed.push(`f${foreman}`);
        clock.move(LEASES.renewedMs);
        await store.write((db) => expireLeases(db, clock.now()));
      } else done.push(...taken);
      clock.move(LEASES.backOffMs(LEASES.losses));
      await store.write((db) => endPauses(db, clock.now()));
    }
    t.is(killed.length, LEASES.losses);
    t.deepEqual(done, [harmless]);
    t.like(await row(poison), { state: 'failed', losses: LEASES.losses });
    t.is((await events(poison)).at(-1), 'failed');
    t.is((await row(harmless)).losses, 0);
  },
);
