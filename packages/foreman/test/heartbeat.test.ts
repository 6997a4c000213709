import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openClient } from '@kolejka/client';
import { ForemanName } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { leasesTasks } from '../src/heartbeat.ts';

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
