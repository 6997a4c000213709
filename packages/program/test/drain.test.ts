import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { drainer } from '../src/drain.ts';

/** A server whose answers wait until they are let go; a caller with one kept connection. */
async function open() {
  const held: http.ServerResponse[] = [];
  const server = http.createServer((_request, response) => void held.push(response));
  const drain = drainer(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const request = http.get({ port, host: '127.0.0.1', agent });
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    return answer.resume();
  };
  return { server, drain, held, ask };
}

test('a request under way is answered when the server stops, and its caller is told not to go on', async (t) => {
  const { server, drain, held, ask } = await open();
  const asking = ask();
  await once(server, 'request');
  const drained = drain(5000);
  held[0]?.end('done');
  const answer = await asking;
  t.is(answer.statusCode, 200);
  t.is(answer.headers.connection, 'close');
  await drained;
});

test('a caller that does not end is cut off when its time is over', async (t) => {
  const { server, drain, ask } = await open();
  const asking = ask();
  await once(server, 'request');
  await drain(50);
  await t.throwsAsync(asking, { code: 'ECONNRESET' });
});
