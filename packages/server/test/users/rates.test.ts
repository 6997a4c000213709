import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { openRates } from '../../src/users/rates.ts';
import { heldClock } from '../queue-scene.ts';
import { openScene } from '../server-scene.ts';

/** How many of `tries` requests are let through. */
function passed(count: () => void, tries: number): number {
  let through = 0;
  for (let index = 0; index < tries; index += 1) {
    try {
      count();
      through += 1;
    } catch (thrown) {
      if (!(thrown instanceof GridError) || thrown.code !== 'too-many-requests') throw thrown;
    }
  }
  return through;
}

test('a user has a minute’s worth of requests, and then as many as time brings', (t) => {
  const clock = heldClock();
  const rates = openRates(60, clock);
  t.is(
    passed(() => rates.count(1, null), 100),
    60,
  );
  const error = t.throws(() => rates.count(1, null), { instanceOf: GridError });
  t.is(error.retryAfterS, 1);
  clock.move(5000);
  t.is(
    passed(() => rates.count(1, null), 100),
    5,
  );
  t.is(
    passed(() => rates.count(2, null), 100),
    60,
  );
  clock.move(3_600_000);
  t.is(
    passed(() => rates.count(1, null), 100),
    60,
  );
});

test('a user may have another rate than the settings say, also where they say none', (t) => {
  const rates = openRates(undefined, heldClock());
  t.is(
    passed(() => rates.count(1, null), 1000),
    1000,
  );
  t.is(
    passed(() => rates.count(2, 3), 10),
    3,
  );
  t.is(
    passed(() => rates.count(3, 0), 10),
    0,
  );
});

test('who asks too often is told when to ask again; others are answered', async (t) => {
  const { as } = await openScene(t, { settings: { rate_requests: 3 } });
  for (let index = 0; index < 3; index += 1) t.is((await as('client', '/settings/')).status, 200);
  const { status, json, headers } = await as('client', '/settings/');
  t.deepEqual([status, json['code'], headers.get('retry-after')], [429, 'too-many-requests', '20']);
  t.is((await as('other', '/settings/')).status, 200);
});
