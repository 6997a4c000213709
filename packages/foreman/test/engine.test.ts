import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openEngine } from '@kolejka/worker';
import test from 'ava';
import { findEngineAway } from '../src/engine.ts';

const never = new AbortController().signal;

test('regression: an engine that says nothing does not hold up a foreman that is told to end', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-engine-'));
  const socket = path.join(directory, 'socket');
  // An engine up to the moment it is stopped: it accepts, and is silent.
  let silent = false;
  const server = createServer((request, response) => {
    if (silent) return;
    response.setHeader('content-type', 'application/json').end(request.url === '/info' ? '{}' : '"OK"');
  }).listen(socket);
  await once(server, 'listening');
  process.env['DOCKER_HOST'] = `unix://${socket}`;
  t.teardown(async () => {
    delete process.env['DOCKER_HOST'];
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });
  const engine = await openEngine();
  t.is(await findEngineAway({ engine }, never), undefined);
  silent = true;
  const begun = performance.now();
  t.truthy(await findEngineAway({ engine }, AbortSignal.timeout(50)));
  t.true(performance.now() - begun < 3000);
});
