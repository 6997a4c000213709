/** Certificates for tests, made by openssl; signed by themselves, for 127.0.0.1. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes NAME.crt and NAME.key in the directory. */
export async function makeCertificate(directory: string, name: string) {
  const [cert, key] = [path.join(directory, `${name}.crt`), path.join(directory, `${name}.key`)];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const about = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  await run('openssl', ['req', '-x509', ...kind, ...about, '-out', cert, '-keyout', key]);
  return { cert, key, text: await readFile(cert, 'utf8') };
}
