/** The certificate, key and authority by which the processes of a Gluster cluster know each other. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  cert: Buffer;
  key: Buffer;
  ca: Buffer;
}

/** OpenSSL's own directory, which distributions put in different places: Debian's, the usual one, Red Hat's. */
const DIRECTORIES = ['/usr/lib/ssl', '/etc/ssl', '/etc/pki/tls'];

/** Reads them from the first directory that has a certificate. Throws an Error that says what is missing where. */
export function readCertificates(directories: readonly string[] = DIRECTORIES): Certificates {
  const directory = directories.find((d) => existsSync(join(d, 'glusterfs.pem')));
  if (directory === undefined) throw new Error(`no glusterfs.pem in ${directories.join(', ')}: TLS needs one`);
  const read = (name: string): Buffer => readFileSync(join(directory, name));
  return { cert: read('glusterfs.pem'), key: read('glusterfs.key'), ca: read('glusterfs.ca') };
}
