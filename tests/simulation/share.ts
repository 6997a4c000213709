/** The histories that every run of the tests looks at, in shares, so that two cores have something to do. */
import test from 'ava';
import { simulate } from './simulate.ts';

/** All together. */
const HISTORIES = 10_000;
/** Of one test: a failure says which seed, and that one is run again in no time. */
const OF_ONE_TEST = 1000;

/** Makes the tests of a share. @param share from 0 on @param of how many there are */
export function testHistories(share: number, of: number): void {
  for (let seed = 1 + share * OF_ONE_TEST; seed <= HISTORIES; seed += of * OF_ONE_TEST) {
    test.serial(
      `histories ${seed} to ${seed + OF_ONE_TEST - 1} end as promised, whatever goes wrong in them`,
      async (t) => {
        const { histories, wrong, events } = await simulate(seed, OF_ONE_TEST, () => undefined);
        t.is(histories, OF_ONE_TEST);
        const said = wrong.map((history) => `seed ${history.seed}: ${history.violations.join('; ')}`);
        t.deepEqual(said, [], 'npm run simulate -- --histories 1 --seed SEED runs one of them again');
        // What was to go wrong did: a simulation in which nothing is lost shows nothing.
        for (const event of ['resolved', 'lost', 'returned', 'failed', 'cancelled'])
          t.true((events[event] ?? 0) > 0, event);
      },
    );
  }
}
