import {
  endsTask,
  EVENT_NAMES,
  isAtEnd,
  FINAL_STATES,
  GridError,
  LEASES,
  move,
  MOVE_NAMES,
  type MoveName,
  type State,
  STATES,
} from '@kolejka/protocol';
import test from 'ava';

/** Every move there is, written a second time on purpose: a change of the table must be meant. */
const EXPECTED: Record<State, Partial<Record<MoveName, State>>> = {
  waiting: { cancelled: 'cancelled' },
  pending: { assigned: 'assigned', resolved: 'resolved', cancelled: 'cancelled' },
  assigned: {
    running: 'assigned',
    returned: 'pending',
    lost: 'pending',
    failed: 'failed',
    resolved: 'resolved',
    cancelled: 'cancelled',
  },
  resolved: {},
  cancelled: {},
  failed: {},
};

for (const state of Object.keys(STATES) as State[]) {
  for (const event of MOVE_NAMES) {
    const to = EXPECTED[state][event];
    if (to === undefined) {
      test(`a task that is ${state} cannot be ${event}`, (t) => {
        const error = t.throws(() => move(state, event), { instanceOf: GridError });
        t.is(error.code, 'internal');
        t.true(error.message.includes(state) && error.message.includes(event));
      });
    } else {
      test(`a task that is ${state} and ${event} is ${to}`, (t) => t.is(move(state, event), to));
    }
  }
}

test('a task that is resolved, cancelled or failed stays so', (t) => {
  t.deepEqual(FINAL_STATES, ['resolved', 'cancelled', 'failed']);
});

test('a task is ended by a move to a final state, not by a note', (t) => {
  t.deepEqual(EVENT_NAMES.filter(endsTask), ['failed', 'resolved', 'cancelled']);
  t.deepEqual(
    EVENT_NAMES.filter((event) => isAtEnd(event) && !endsTask(event)),
    ['called-back', 'callback-failed', 'deleted'],
  );
});

test('every state but waiting can be reached from pending', (t) => {
  const reached = new Set<State>(['pending']);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const state of reached) for (const to of Object.values(EXPECTED[state])) reached.add(to);
  }
  t.deepEqual([...reached].toSorted(), ['assigned', 'cancelled', 'failed', 'pending', 'resolved']);
});

test('a foreman that sends no heartbeat has 10 s and twice the time limit, or an hour', (t) => {
  t.is(LEASES.silentMs(1000), 12_000);
  t.is(LEASES.silentMs(undefined), 3_600_000);
});

test('a lease is renewed well before it runs out', (t) => {
  t.true(LEASES.renewedMs * LEASES.renewAt * 2 < LEASES.renewedMs);
  t.true(LEASES.askedMs < LEASES.renewedMs * LEASES.renewAt);
});

test('a lost task waits longer each time', (t) => {
  t.deepEqual([1, 2, 3].map(LEASES.backOffMs), [1000, 4000, 16_000]);
});
