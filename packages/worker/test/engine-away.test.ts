import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { openScene } from './scene.ts';

/** The real engine behind a socket of ours, so that it can go away without the machine losing it. */
const socketPath = path.join(mkdtempSync(path.join(tmpdir(), 'kolejka-engine-')), 'docker.sock');
const connections = new Set<net.Socket>();
let proxy: net.Server | undefined;

async function comeBack(): Promise<void> {
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const engine = net.connect({ path: '/var/run/docker.sock', allowHalfOpen: true });
    client.pipe(engine).pipe(client);
    for (const socket of [client, engine]) {
      connections.add(socket);
      socket.on('error', () => undefined).on('close', () => connections.delete(socket));
    }
  });
  proxy = server;
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
}

function goAway(): void {
  proxy?.close();
  for (const connection of connections) connection.destroy();
}

process.env['DOCKER_HOST'] = `unix://${socketPath}`;
test.beforeEach(async () => {
  await comeBack();
  // Connections that were kept alive hear only now that their engine has gone.
  await sleep(100);
});
test.afterEach.always(goAway);
test.after.always(() => rmSync(path.dirname(socketPath), { recursive: true, force: true }));

const sleeper = { args: ['sleep', '30'], limits: { time: '2s' } };

test.serial('regression: an engine that dies during a run ends the run, and says nothing of the task', async (t) => {
  const { run, removeLeftovers, context } = await openScene(t);
  for (const stdin of [undefined, 'in']) {
    const ran = run({ ...sleeper, stdin }, { in: 'x' }, { started: () => setTimeout(goAway, 200) });
    const error = await t.throwsAsync(ran, { instanceOf: GridError });
    t.is(error.code, 'engine-unreachable');
    await comeBack();
    await sleep(100);
  }
  t.is((await readdir(context.temp)).length, 2, 'what could not be removed is found by its directory');
  await removeLeftovers();
  t.deepEqual(await readdir(context.temp), []);
  const containers = await context.engine.docker.listContainers({ all: true });
  t.deepEqual(
    containers.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(context.temp))),
    [],
  );
});

test.serial('regression: an engine that is away is not an image that cannot be had', async (t) => {
  const { run } = await openScene(t);
  goAway();
  await sleep(100);
  const error = await t.throwsAsync(run(sleeper), { instanceOf: GridError });
  t.is(error.code, 'engine-unreachable');
  await comeBack();
  t.is((await run({ args: ['true'] })).result.reason, 'exit');
});
