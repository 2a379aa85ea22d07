/** The certificate, key and CA files of a Gluster node, in the form that Node's TLS takes. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { DEFAULT_CIPHERS } from '../../mux/tls/defaults.js';
import { AUTHORITIES_FILE, CERTIFICATE_FILE, KEY_FILE } from '../../mux/tls/paths.js';

export interface CertificateFiles {
  certificate: string;
  key: string;
  authorities: string;
}

const FILES: CertificateFiles = { certificate: CERTIFICATE_FILE, key: KEY_FILE, authorities: AUTHORITIES_FILE };

/** Node leaves TLS 1.3 out for a list without its suites. */
const TLS13_CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/** A file that TLS needs is missing or cannot be used. */
export class CertificateFailure extends Error {}

/** Reads the files anew: they may have been renewed. Throws a CertificateFailure that names the file. */
export async function clientContext(files: CertificateFiles = FILES): Promise<SecureContext> {
  const { certificate, key, authorities } = files;
  const cert = await load(`could not load our cert at ${certificate}`, certificate);
  const own = attempt(`could not load our cert at ${certificate}`, () => new X509Certificate(cert));
  const keyText = await load(`could not load private key at ${key}`, key);
  const privateKey = attempt(`could not load private key at ${key}`, () => createPrivateKey(keyText));
  if (!own.checkPrivateKey(privateKey))
    throw new CertificateFailure(`could not load private key at ${key}: it is not the key of ${certificate}`);
  const ca = await load(`could not load CA list at ${authorities}`, authorities);
  attempt(`could not load CA list at ${authorities}`, () => new X509Certificate(ca));
  return attempt(`could not use ${certificate}, ${key} and ${authorities}`, () =>
    createSecureContext({ cert, key: keyText, ca, ciphers: `${TLS13_CIPHERS}:${DEFAULT_CIPHERS}` }),
  );
}

async function load(failure: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CertificateFailure(`${failure}: ${code === 'ENOENT' ? 'No such file or directory' : message}`);
  }
}

function attempt<T>(failure: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CertificateFailure(`${failure}: ${(error as Error).message}`);
  }
}
