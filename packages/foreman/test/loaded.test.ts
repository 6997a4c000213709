import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const SOURCE = path.resolve(import.meta.dirname, '../src/foreman.ts');

/** Each of these is 10 MB or more of a foreman that waits; see docs/decisions/0019. */
const TOO_MUCH = /\/node_modules\/(ssh2|@grpc\/grpc-js|protobufjs|undici)\/|^NativeModule internal\/deps\/undici/;

test('a foreman loads no SSH client, no gRPC and no fetch, its own or that of Node', async (t) => {
  const code = `
    const { createRequire } = await import('node:module');
    await import(${JSON.stringify(SOURCE)});
    const packages = Object.keys(createRequire(import.meta.url).cache);
    process.stdout.write(JSON.stringify([...packages, ...process.moduleLoadList]));`;
  const options = ['--conditions=kolejka-source', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 60_000 });
  const loaded = JSON.parse(stdout) as string[];
  // Both lists say what they are asked.
  t.true(loaded.some((name) => name.includes('/node_modules/dockerode/')));
  t.true(loaded.includes('NativeModule http'), loaded.join('\n'));
  t.deepEqual(
    loaded.filter((name) => TOO_MUCH.test(name)),
    [],
  );
});
