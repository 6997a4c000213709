import { type Limits, parseTask } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { Seats } from '../src/seats.ts';

const GIB = 1024 ** 3;
const NODE: Limits = { cpus: 4, memory: 4 * GIB };
const DEFAULTS: Limits = { cpus: 1, memory: GIB };

const task = (limits: Record<string, unknown> = {}, more: object = {}) =>
  parseTask({ image: 'x', args: ['x'], limits, ...more });

test('a seat takes its share and gives it back', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const seat = seats.take(task({ cpus: 3, memory: '1G' }));
  t.deepEqual(seats.room(), { places: 7, limits: { cpus: 1, memory: 3 * GIB }, idle: false });
  seat?.release();
  t.deepEqual(seats.room(), { places: 8, limits: NODE, idle: true });
});

test('a task that says nothing takes what the node says it does', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  t.deepEqual(seats.take(task())?.limits, DEFAULTS);
  t.deepEqual(seats.room().limits, { cpus: 3, memory: 3 * GIB });
});

test('the free CPUs that are told are those in one piece', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const [first, second] = [seats.take(task({ cpus: 1 })), seats.take(task({ cpus: 1 })), seats.take(task({ cpus: 1 }))];
  first?.release();
  t.is(seats.room().limits.cpus, 1, 'one before the others, one behind');
  second?.release();
  t.is(seats.room().limits.cpus, 2);
  t.is(seats.take(task({ cpus: 3 })), undefined);
});

test('a node that begins at another CPU hands out from there on', (t) => {
  const seats = new Seats({ cpus: 2, cpus_offset: 6 }, DEFAULTS, 8);
  t.deepEqual(
    [seats.take(task({ cpus: 1 })), seats.take(task({ cpus: 1 }))].map((seat) => seat?.cpusOffset),
    [6, 7],
  );
});

test('beside an exclusive task there is no place', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const seat = seats.take(task({}, { exclusive: true }));
  t.is(seats.room().places, 0);
  seat?.release();
  t.is(seats.room().places, 8);
});

test('whoever waits for a seat hears of the next one released', async (t) => {
  const seats = new Seats(NODE, DEFAULTS, 1);
  const seat = seats.take(task());
  const released = seats.released();
  seat?.release();
  await t.notThrowsAsync(released);
});

test('whatever comes and goes, no CPU is held twice', (t) => {
  const step = fc.record({ cpus: fc.integer({ min: 1, max: 4 }), leave: fc.nat(7) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const seats = new Seats({ cpus: 8, cpus_offset: 2 }, DEFAULTS, 100);
      let held: { from: number; to: number; release: () => void }[] = [];
      for (const { cpus, leave } of steps) {
        const longest = seats.room().limits.cpus ?? 0;
        const seat = seats.take(task({ cpus }));
        if ((seat === undefined) !== cpus > longest) return false;
        if (seat !== undefined) held.push({ from: seat.cpusOffset, to: seat.cpusOffset + cpus, release: seat.release });
        if (
          held.some((one, index) => held.slice(index + 1).some((other) => one.from < other.to && other.from < one.to))
        )
          return false;
        if (held.some(({ from, to }) => from < 2 || to > 10)) return false;
        held[leave]?.release();
        held = held.filter((_seat, index) => index !== leave);
      }
      return true;
    }),
  );
  t.pass();
});
