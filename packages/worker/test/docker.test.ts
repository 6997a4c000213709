import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const SOURCE = path.resolve(import.meta.dirname, '../src/docker.ts');
const execute = promisify(execFile);

/** Runs code in a Node of its own, where dockerode is loaded as ours; answers which packages are loaded then. */
async function packagesLoaded(code: string): Promise<Set<string>> {
  const listing = `
    const { createRequire } = await import('node:module');
    const { Docker } = await import(${JSON.stringify(SOURCE)});
    ${code}
    process.stdout.write(Object.keys(createRequire(import.meta.url).cache).join('\\n'));`;
  const { stdout } = await execute(
    process.execPath,
    ['--conditions=kolejka-source', '--input-type=module', '--eval', listing],
    { timeout: 60_000 },
  );
  const names = stdout.split('\n').map((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '');
  return new Set(names);
}

test('neither the SSH client nor gRPC of dockerode are loaded with it', async (t) => {
  const loaded = await packagesLoaded('new Docker();');
  t.true(loaded.has('dockerode') && loaded.has('docker-modem'));
  t.deepEqual(
    [...loaded].filter((name) => /ssh2|grpc|protobuf/.test(name)),
    [],
  );
});

test('who asks for what stood aside gets it, and gets the same dockerode', async (t) => {
  const loaded = await packagesLoaded(`
    const require = createRequire(${JSON.stringify(SOURCE)});
    if (require('dockerode') !== Docker) throw new Error('there are two');
    const session = createRequire(require.resolve('dockerode'))('./session.js');
    if (session.length !== 3) throw new Error('not the file itself');`);
  t.true(loaded.has('@grpc/grpc-js'));
});

test('an engine that is called by SSH is still called, by the client that stood aside', async (t) => {
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .once('data', (words) => {
        heard = words.toString();
        socket.destroy();
      });
  });
  let heard = '';
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const loaded = await packagesLoaded(`
    // dockerode 5 cannot read a port from DOCKER_HOST=ssh://HOST:PORT; without a host, the client takes localhost.
    delete process.env['DOCKER_HOST'];
    await new Docker({ protocol: 'ssh', socketPath: '/unused', port: ${port}, username: 'nobody' }).ping().then(() => { throw new Error('nobody is there') }, () => undefined);`);
  t.regex(heard, /^SSH-2\.0-/);
  t.true(loaded.has('ssh2'));
});
