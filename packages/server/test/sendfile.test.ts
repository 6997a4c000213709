import { BlobHash, GridError } from '@kolejka/protocol';
import test from 'ava';
import { SENDFILE_SETTINGS, sendfileHeaders } from '../src/sendfile.ts';
import { openScene } from './server-scene.ts';

const hash = BlobHash.parse('ab'.repeat(32));
const file = `ab/${hash}`;

test('without the setting no header names a file', (t) => {
  t.is(sendfileHeaders({ sendfile: 'off', data: '/data' }, hash), undefined);
  t.is(sendfileHeaders({ sendfile: 'off', sendfile_root: '/x', data: '/data' }, hash), undefined);
});

test('Apache is told the file, nginx a location of its own', (t) => {
  t.deepEqual(sendfileHeaders({ sendfile: 'x-sendfile', data: '/srv/my data' }, hash), {
    'X-Sendfile': `/srv/my%20data/blobs/${file}`,
  });
  t.deepEqual(sendfileHeaders({ sendfile: 'x-accel-redirect', data: '/data' }, hash), {
    'X-Accel-Redirect': `/blobs/${file}`,
  });
});

test('where the proxy finds the blobs can be set', (t) => {
  const sendfile_root = SENDFILE_SETTINGS.sendfile_root.parse('/mnt/blobs/', 'sendfile_root');
  t.deepEqual(sendfileHeaders({ sendfile: 'x-sendfile', sendfile_root, data: '/data' }, hash), {
    'X-Sendfile': `/mnt/blobs/${file}`,
  });
});

for (const root of ['', 'blobs', '/a/../b', '/a//b', '/a b', '/a\r\nSet-Cookie: x']) {
  test(`${JSON.stringify(root)} is no root of blobs`, (t) => {
    t.throws(() => SENDFILE_SETTINGS.sendfile_root.parse(root, 'sendfile_root'), { instanceOf: GridError });
  });
}

test('another word than those of the setting is refused and they are named', (t) => {
  t.throws(() => SENDFILE_SETTINGS.sendfile.parse('on', 'sendfile'), {
    message: 'sendfile: expected one of off, x-sendfile, x-accel-redirect',
  });
});

for (const sendfile of ['off', 'x-sendfile', 'x-accel-redirect'] as const) {
  test(`${sendfile}: only then, and only to those who may have the bytes, a header names the file`, async (t) => {
    const scene = await openScene(t, { settings: { sendfile } });
    const key = await scene.upload('client', 'hello');
    const named = (headers: Headers) => headers.get('x-sendfile') ?? headers.get('x-accel-redirect');
    const { status, headers, text } = await scene.as('client', `/blob/reference/${key}/`, {
      headers: { 'x-sendfile': '/etc/passwd', 'x-accel-redirect': '/blobs/x', 'x-sendfile-type': 'X-Accel-Redirect' },
    });
    t.is(status, 200);
    t.is(headers.get('content-type'), 'application/octet-stream');
    t.is(text, sendfile === 'off' ? 'hello' : '');
    const root = sendfile === 'x-sendfile' ? `${scene.data}/blobs` : '/blobs';
    t.is(named(headers), sendfile === 'off' ? null : `${root}/2c/${SHA256_OF_HELLO}`);
    for (const name of ['nobody', 'foreman'] as const) {
      const refused = await scene.as(name, `/blob/reference/${'0'.repeat(32)}/`);
      t.is(refused.status, 404);
      t.is(named(refused.headers), null);
    }
    const refused = await scene.as('nobody', `/blob/blob/${SHA256_OF_HELLO}/`);
    t.is(refused.status, 403);
    t.is(named(refused.headers), null);
  });
}

const SHA256_OF_HELLO = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
