/**
 * Paths of a Gluster node's certificate, private key and CA file: in the directory of the system's OpenSSL, which
 * differs between distributions.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's, Red Hat's, and that of most others. */
const DIRECTORIES = ['/usr/lib/ssl', '/etc/pki/tls', '/etc/ssl'];
const CERTIFICATE = 'glusterfs.pem';
const KEY = 'glusterfs.key';
const AUTHORITIES = 'glusterfs.ca';

/** The first directory that has one of the files; while none has, the first that is there. */
export function certificateDirectory(directories: readonly string[] = DIRECTORIES): string {
  const used = directories.find((d) => [CERTIFICATE, KEY, AUTHORITIES].some((name) => existsSync(join(d, name))));
  return used ?? directories.find((d) => existsSync(d)) ?? directories[0] ?? '';
}

const directory = certificateDirectory();

export const CERTIFICATE_FILE = join(directory, CERTIFICATE);
export const KEY_FILE = join(directory, KEY);
export const AUTHORITIES_FILE = join(directory, AUTHORITIES);
