import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openClient } from '@kolejka/client';
import { ForemanName, LEASES, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { type HeartbeatContext, heartbeatPass, leasesTasks } from '../src/heartbeat.ts';
import { HeldTasks } from '../src/held.ts';

const NAME = ForemanName.parse('node');

/** A client of a server that answers each request as the table says, and 404 where it does not. */
async function open(t: ExecutionContext, answers: Record<string, unknown>) {
  const asked: string[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(request.url ?? '');
    const body = answers[request.url ?? ''];
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body === undefined ? '<h1>Not Found</h1>' : JSON.stringify(body));
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = openClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'x' });
  t.teardown(async () => {
    await client.close();
    server.close();
  });
  return { client, asked };
}

test('a server that knows heartbeats leases its tasks', async (t) => {
  const { client, asked } = await open(t, { '/queue/heartbeat/': { status: 'OK', tasks: [], seconds: 30 } });
  t.true(await leasesTasks(client, NAME));
  t.deepEqual(asked, ['/queue/heartbeat/']);
});

test('regression: a server of the original, which knows none, does not end the foreman', async (t) => {
  const { client } = await open(t, { '/queue/dequeue/': { status: 'OK', tasks: [] } });
  t.false(await leasesTasks(client, NAME));
});

test('a server without a queue is none', async (t) => {
  const { client } = await open(t, {});
  await t.throwsAsync(leasesTasks(client, NAME), { code: 'not-found' });
});

test('a foreman that holds a task asks about it every second, and stops it when it is told', async (t) => {
  const slept: number[] = [];
  const task = TaskId.parse('0123456789abcdef0123456789abcdef');
  const held = new HeldTasks();
  const one = held.add(task, 1);
  const context: HeartbeatContext = {
    client: {
      heartbeat: async () => ({ tasks: [{ task, attempt: 1, verdict: 'kill' }], seconds: LEASES.renewedMs / 1000 }),
    },
    foreman: NAME,
    held,
    log: { say: () => undefined },
    clock: { now: () => 0, monotonic: () => 0, sleep: async (milliseconds) => void slept.push(milliseconds) },
  };
  await heartbeatPass(context, new AbortController().signal);
  t.deepEqual(slept, [1000]);
  t.true(one.stop.signal.aborted);
});
