/** The file by which an administrator asks for TLS on the connections between the processes of a cluster and glusterd. */
import { readFile } from 'node:fs/promises';
import { DEFAULT_DEPTH } from './defaults.js';

export const SECURE_ACCESS_FILE = '/var/lib/glusterd/secure-access';

export interface SecureAccess {
  /** How many authorities may stand between a certificate and its root; holds for brick ports too. */
  depth: number;
}

/** Null: there is no such file. One that cannot be read asks for TLS all the same. */
export async function secureAccess(file = SECURE_ACCESS_FILE): Promise<SecureAccess | null> {
  try {
    return { depth: depthIn(await readFile(file, 'latin1')) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : { depth: DEFAULT_DEPTH };
  }
}

function depthIn(text: string): number {
  const depth = Number.parseInt(/^option transport.socket.ssl-cert-depth(.*)/m.exec(text)?.[1] ?? '', 10);
  return Number.isNaN(depth) || depth === 0 ? DEFAULT_DEPTH : depth;
}
