import { realClock } from '@kolejka/program';
import { type Limits, parseTask } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { type Seat, Seats } from '../src/seats.ts';

const GIB = 1024 ** 3;
const NODE: Limits = { cpus: 4, memory: 4 * GIB };
const DEFAULTS: Limits = { cpus: 1, memory: GIB };

const task = (limits: Record<string, unknown> = {}, more: object = {}) =>
  parseTask({ image: 'x', args: ['x'], limits, ...more });

test('a seat takes its share and gives it back', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const seat = seats.take(task({ cpus: 3, memory: '1G' }));
  t.deepEqual(seats.room(), {
    places: 7,
    limits: { cpus: 1, memory: 3 * GIB },
    paid: new Map([['x', 0]]),
    idle: false,
  });
  seat?.release();
  t.deepEqual(seats.room(), { places: 8, limits: NODE, paid: new Map(), idle: true });
});

test('a task that says nothing takes what the node says it does', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  t.deepEqual(seats.take(task())?.limits, DEFAULTS);
  t.deepEqual(seats.room().limits, { cpus: 3, memory: 3 * GIB });
});

test('regression: a task fits CPUs that are free and do not lie side by side', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const [first, , third] = [1, 1, 1, 1].map(() => seats.take(task({ cpus: 1 })));
  first?.release();
  third?.release();
  t.is(seats.room().limits.cpus, 2);
  t.deepEqual(seats.take(task({ cpus: 2 }))?.cpuSet, [0, 2]);
  t.is(seats.take(task({ cpus: 1 })), undefined);
});

test('a node that begins at another CPU hands out from there on', (t) => {
  const seats = new Seats({ cpus: 2, cpus_offset: 6 }, DEFAULTS, 8);
  t.deepEqual(
    [seats.take(task({ cpus: 1 })), seats.take(task({ cpus: 1 }))].map((seat) => seat?.cpuSet),
    [[6], [7]],
  );
});

test('a node that says it has more CPUs than its machine hands out those there are', (t) => {
  const cpus = [3, 5].map((id) => ({ id, core: String(id), node: 0 }));
  const seats = new Seats({ cpus: 8 }, DEFAULTS, 8, cpus);
  t.is(seats.room().limits.cpus, 2);
  t.deepEqual(seats.take(task({ cpus: 2 }))?.cpuSet, [3, 5]);
  t.is(seats.take(task({ cpus: 1 })), undefined);
});

test('two tasks never share a GPU, and free ones that do not lie side by side are one set', (t) => {
  const seats = new Seats({ ...NODE, gpus: 3, gpus_offset: 1 }, DEFAULTS, 8);
  const [first, , third] = [1, 1, 1].map(() => seats.take(task({ gpus: 1 })));
  t.deepEqual([first?.gpuSet, third?.gpuSet], [[1], [3]]);
  t.is(seats.take(task({ gpus: 1 })), undefined);
  t.deepEqual(seats.take(task({}))?.gpuSet, []);
  first?.release();
  third?.release();
  t.deepEqual(seats.take(task({ gpus: 2 }))?.gpuSet, [1, 3]);
});

test('a node that counts neither gives no sets', (t) => {
  t.like(new Seats({}, {}, 1).take(task({ cpus: 64, gpus: 0 })), { cpuSet: undefined, gpuSet: undefined });
});

test('beside an exclusive task there is no place', (t) => {
  const seats = new Seats(NODE, DEFAULTS, 8);
  const seat = seats.take(task({}, { exclusive: true }));
  t.is(seats.room().places, 0);
  seat?.release();
  t.is(seats.room().places, 8);
});

test('regression: a task that waits for a seat pays for an image that runs here no second time', async (t) => {
  const seats = new Seats({ cpus: 2, image: 100 }, DEFAULTS, 8);
  seats.take(task({ cpus: 1, image: 60 }));
  t.deepEqual([seats.room().limits.image, seats.room().paid], [40, new Map([['x', 60]])]);
  const next = await seats.takeWhenFree(task({ cpus: 1, image: 60 }), realClock, AbortSignal.timeout(60_000));
  t.deepEqual(next?.cpuSet, [1]);
});

test('whoever waits for a seat hears of the next one released', async (t) => {
  const seats = new Seats(NODE, DEFAULTS, 1);
  const seat = seats.take(task());
  const released = seats.released();
  seat?.release();
  await t.notThrowsAsync(released);
});

test('whatever comes and goes, no CPU or GPU is held twice, and what fits the free count gets its sets', (t) => {
  const step = fc.record({
    cpus: fc.integer({ min: 1, max: 6 }),
    gpus: fc.integer({ min: 0, max: 3 }),
    leave: fc.nat(7),
  });
  const cpu = fc.record({ core: fc.nat(4).map(String), node: fc.nat(2) });
  const machine = fc.array(cpu, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(machine, fc.nat(3), fc.array(step, { maxLength: 40 }), (shape, gpus, steps) => {
      const cpus = shape.map((one, index) => ({ ...one, id: 2 * index + 1 }));
      const seats = new Seats({ cpus: cpus.length, gpus, gpus_offset: 2 }, DEFAULTS, 100, cpus);
      const held: Seat[] = [];
      for (const { cpus: count, gpus: gpuCount, leave } of steps) {
        const { cpus: free = 0, gpus: freeGpus = 0 } = seats.room().limits;
        t.is(free, cpus.length - held.flatMap(({ cpuSet = [] }) => cpuSet).length);
        const seat = seats.take(task({ cpus: count, gpus: gpuCount }));
        t.is(seat !== undefined, count <= free && gpuCount <= freeGpus);
        if (seat !== undefined) held.push(seat);
        t.is(seat?.cpuSet?.length ?? count, count);
        t.is(seat?.gpuSet?.length ?? gpuCount, gpuCount);
        const given = held.flatMap(({ cpuSet = [] }) => cpuSet);
        const givenGpus = held.flatMap(({ gpuSet = [] }) => gpuSet);
        t.is(new Set(given).size, given.length);
        t.is(new Set(givenGpus).size, givenGpus.length);
        t.true(given.every((id) => cpus.some((one) => one.id === id)));
        t.true(givenGpus.every((gpu) => gpu >= 2 && gpu < 2 + gpus));
        for (const gone of held.splice(leave, 1)) gone.release();
      }
    }),
  );
});
