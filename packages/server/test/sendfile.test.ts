import { BlobHash, GridError } from '@kolejka/protocol';
import test from 'ava';
import { SENDFILE_SETTINGS, sendfileHeaders } from '../src/sendfile.ts';

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
