/**
 * Reads the files of a TLS profile, and computes a signature that shows whether any has changed. Nothing blocks the
 * thread.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOfLatin1, textPath } from '../../native/bytes.js';
import { AUTHORITIES_FILE, CERTIFICATE_FILE, KEY_FILE } from './paths.js';
import type { TlsProfile } from './tls-profile.js';

/** Names that OpenSSL looks for in a directory: certificates and, with an r, revocation lists. */
const HASHED_NAME = /^[0-9a-f]{8}\.r?\d+$/;

export interface ProfilePaths {
  certificate: string;
  key: string;
  authorities: string;
  dhParameters: string | null;
  /** Lists of revoked certificates, and authorities beside them; null: revocation is not checked. */
  revocation: string[] | null;
}

/** What a context is made of: see the addon. */
export interface ProfileContents {
  certificate: Buffer;
  key: Buffer;
  authorities: Buffer;
  dhParameters: Buffer | null;
  revocation: Buffer[] | null;
}

/** Where the files of a profile are now. A directory that can't be read has none: then nobody's chain can be checked. */
export async function pathsOf(profile: TlsProfile): Promise<ProfilePaths> {
  const { certificate, privateKey, authorities, dhParameters, revocation } = profile;
  const path = (given: string | null, usual: string): string => (given === null ? usual : local(given));
  return {
    certificate: path(certificate, CERTIFICATE_FILE),
    key: path(privateKey, KEY_FILE),
    authorities: path(authorities, AUTHORITIES_FILE),
    dhParameters: dhParameters === null ? null : local(dhParameters),
    revocation: revocation === null ? null : await listsIn(local(revocation)),
  };
}

const local = (path: string): string => textPath(bytesOfLatin1(path));

async function listsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => HASHED_NAME.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** Another one whenever a file has been renewed, has come or gone. */
export async function signatureOf(paths: ProfilePaths): Promise<string> {
  const { certificate, key, authorities, dhParameters, revocation } = paths;
  const all = [certificate, key, authorities, ...(dhParameters === null ? [] : [dhParameters]), ...(revocation ?? [])];
  const marks = await Promise.all(all.map(async (path) => `${path} ${await markOf(path)}`));
  return marks.join('\n');
}

async function markOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** Rejects with an Error that says which file can't be had, and what it is for. */
export async function contentsOf(paths: ProfilePaths): Promise<ProfileContents> {
  const read = async (path: string, what: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (error) {
      throw new Error(`could not load ${what} at ${path}: ${(error as NodeJS.ErrnoException).code}`);
    }
  };
  const { dhParameters, revocation } = paths;
  return {
    certificate: await read(paths.certificate, 'our cert'),
    key: await read(paths.key, 'private key'),
    authorities: await read(paths.authorities, 'CA list'),
    // Without them the connection is as safe: the context tells of it.
    dhParameters: dhParameters === null ? null : await readFile(dhParameters).catch(() => Buffer.from('\n')),
    revocation: revocation === null ? null : await Promise.all(revocation.map((path) => read(path, 'revocation list'))),
  };
}
