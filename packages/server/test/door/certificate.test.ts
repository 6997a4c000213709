import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { certificateWatch, readCertificate } from '../../src/door/certificate.ts';
import { temporary } from '../program.ts';
import { makeCertificate } from './certificates.ts';

test('files that cannot be read, are no PEM or do not belong together are named with what is wrong', async (t) => {
  const directory = await temporary(t);
  const [one, other] = [await makeCertificate(directory, 'one'), await makeCertificate(directory, 'other')];
  const text = path.join(directory, 'text');
  await writeFile(text, 'hello');
  await t.notThrowsAsync(readCertificate(one));
  const refused = [
    [{ cert: one.cert, key: `${one.key}x` }, /^tls_key: the file .*one.keyx cannot be read \(ENOENT\)\.$/],
    [{ cert: directory, key: one.key }, /^tls_cert: the file .* cannot be read \(EISDIR\)\.$/],
    [{ cert: one.cert, key: other.key }, /one.crt and tls_key .*other.key cannot .*: the key belongs to another/],
    [{ cert: text, key: one.key }, /cannot be used together: no PEM/],
    [{ cert: one.key, key: one.cert }, /cannot be used together: no PEM/],
  ] as const;
  for (const [files, message] of refused) await t.throwsAsync(readCertificate(files), { code: 'bad-config', message });
});

test('new files are taken when both are there; until then the old ones stay, and it is said once', async (t) => {
  const directory = await temporary(t);
  const [one, next] = [await makeCertificate(directory, 'one'), await makeCertificate(directory, 'next')];
  const renewed: string[] = [];
  const refused: string[] = [];
  const pass = certificateWatch(one, await readCertificate(one), {
    renewed: ({ cert }) => void renewed.push(cert.toString()),
    refused: (error) => void refused.push((error as Error).message),
  });
  await pass();
  t.deepEqual([renewed, refused], [[], []]);
  await copyFile(next.cert, one.cert);
  await pass();
  await pass();
  t.is(refused.length, 1);
  t.deepEqual(renewed, []);
  await copyFile(next.key, one.key);
  await pass();
  await pass();
  t.deepEqual([renewed, refused.length], [[next.text], 1]);
});
