import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findCredentials } from '../src/registry-credentials.ts';

const inBase64 = (text: string) => Buffer.from(text).toString('base64');
const HUB = 'https://index.docker.io/v1/';

/** Looks for the credentials of an image in a configuration, with a helper called `test` that runs a script. */
async function find(t: ExecutionContext, image: string, config: unknown, script = 'exit 1') {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-docker-config-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  await writeFile(path.join(directory, 'config.json'), text);
  const helper = path.join(directory, 'docker-credential-test');
  await writeFile(helper, `#!/bin/sh\n${script}\n`);
  await chmod(helper, 0o755);
  return findCredentials(image, { DOCKER_CONFIG: directory, PATH: `${directory}:${process.env['PATH']}` });
}

const auths = {
  'registry.example:5000': { auth: inBase64('user:pass:word') },
  'https://other.example/v1/': { auth: inBase64('other:secret') },
  [HUB]: { auth: inBase64('hub:hubpass') },
  'token.example': { identitytoken: 'TOKEN' },
  'empty.example': {},
};

const CASES: [image: string, credentials: object | undefined][] = [
  ['registry.example:5000/a/b:1', { username: 'user', password: 'pass:word', serveraddress: 'registry.example:5000' }],
  ['other.example/x', { username: 'other', password: 'secret', serveraddress: 'other.example' }],
  ['busybox', { username: 'hub', password: 'hubpass', serveraddress: HUB }],
  ['docker.io/library/busybox:stable', { username: 'hub', password: 'hubpass', serveraddress: HUB }],
  ['kolejka/satori:judge', { username: 'hub', password: 'hubpass', serveraddress: HUB }],
  ['token.example/x@sha256:00', { identitytoken: 'TOKEN', serveraddress: 'token.example' }],
  ['empty.example/x', undefined],
  ['localhost/x', undefined],
  ['registry.example/x', undefined],
];

for (const [image, credentials] of CASES) {
  test(`${image} is asked for as ${JSON.stringify(credentials) ?? 'nobody'}`, async (t) => {
    t.deepEqual(await find(t, image, { auths }), credentials === undefined ? {} : { credentials });
  });
}

test('without a configuration there are no credentials and no trouble', async (t) => {
  t.deepEqual(await findCredentials('busybox', { DOCKER_CONFIG: '/nonexistent' }), {});
});

const ANSWER = String.raw`read server; printf '{"ServerURL":"%s","Username":"me of %s","Secret":"s"}' "$server" "$server"`;

test('a helper of one registry is asked for it, and the helper of all others for them', async (t) => {
  const one = await find(t, 'one.example/x', { credHelpers: { 'one.example': 'test' }, credsStore: 'none' }, ANSWER);
  t.deepEqual(one.credentials, { username: 'me of one.example', password: 's', serveraddress: 'one.example' });
  const hub = await find(t, 'busybox', { credHelpers: { 'one.example': 'none' }, credsStore: 'test' }, ANSWER);
  t.deepEqual(hub.credentials, { username: `me of ${HUB}`, password: 's', serveraddress: HUB });
});

test('a helper that keeps a token answers a token', async (t) => {
  const script = `cat >/dev/null; echo '{"Username":"<token>","Secret":"TOKEN"}'`;
  const { credentials } = await find(t, 'busybox', { credsStore: 'test' }, script);
  t.deepEqual(credentials, { identitytoken: 'TOKEN', serveraddress: HUB });
});

test('a helper that knows nothing of a registry is no trouble', async (t) => {
  const script = 'echo credentials not found in native keychain; exit 1';
  t.deepEqual(await find(t, 'busybox', { credsStore: 'test' }, script), {});
});

const TROUBLES: [name: string, config: unknown, script: string | undefined, trouble: RegExp][] = [
  ['a configuration that is not JSON', '{"auths": {"x": "PASSWORD"', undefined, /config\.json: is not a JSON object$/],
  ['a configuration that is no object', '"PASSWORD"', undefined, /is not a JSON object$/],
  ['a helper that is nowhere', { credsStore: 'nowhere' }, undefined, /docker-credential-nowhere could not be run/],
  ['a helper that leaves its directory', { credsStore: '../x' }, undefined, /can be no program/],
  ['a helper that fails', { credsStore: 'test' }, 'echo PASSWORD; exit 3', /failed with exit status 3$/],
  ['a helper that answers no JSON', { credsStore: 'test' }, 'echo PASSWORD', /does not answer as/],
];

for (const [name, config, script, trouble] of TROUBLES) {
  test(`${name} is said without a secret, and the image is asked for without a password`, async (t) => {
    const found = await find(t, 'busybox', config, script);
    t.is(found.credentials, undefined);
    t.regex(found.trouble ?? '', trouble);
    t.notRegex(found.trouble ?? '', /PASSWORD/);
  });
}
