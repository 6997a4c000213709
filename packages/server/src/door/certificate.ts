/** The server's certificate and key: read at start, and again when the files have changed. */
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { GridError } from '@kolejka/protocol';

/** The two files, PEM. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

export type Certificate = Required<Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>> & {
  cert: Buffer;
  key: Buffer;
};

/** How often the files are looked at: a certificate is renewed days before the old one ends. */
const LOOK_EVERY_MS = 60_000;

/**
 * Reads both files.
 * @throws GridError `bad-config` when one cannot be read or used, or when they do not belong together
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read(files.cert, 'tls_cert'), read(files.key, 'tls_key')]);
  const certificate = { cert, key, minVersion: 'TLSv1.2' as const };
  try {
    createSecureContext(certificate);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' ? 'the key belongs to another certificate' : `no PEM (${message})`;
    throw new GridError(
      'bad-config',
      `tls_cert ${files.cert} and tls_key ${files.key} cannot be used together: ${why}.`,
      { field: 'tls_cert', cause },
    );
  }
  return certificate;
}

async function read(file: string, field: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `${field}: the file ${file} cannot be read (${code}).`, { field, cause });
  }
}

/**
 * Answers the pass that looks whether the files have changed, for `runLoop`; it answers the pause until the next.
 * Between the writing of one file and the other they do not belong together: then the old ones stay.
 * @param renewed gets what is new
 * @param refused hears, once for each change, why it cannot be used
 */
export function certificateWatch(
  files: CertificateFiles,
  inUse: Certificate,
  { renewed, refused }: { renewed: (certificate: Certificate) => void; refused: (error: unknown) => void },
): () => Promise<number> {
  let known = inUse;
  let said = '';
  return async () => {
    try {
      const found = await readCertificate(files);
      said = '';
      if (found.cert.equals(known.cert) && found.key.equals(known.key)) return LOOK_EVERY_MS;
      known = found;
      renewed(found);
    } catch (thrown) {
      const { message } = thrown as Error;
      if (message !== said) refused(thrown);
      said = message;
    }
    return LOOK_EVERY_MS;
  };
}
