/** For tests: writes the last payload to disk as a gzip file, where glusterfsd does. */
import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';

const FILE = '/tmp/cdcdump.gz';
/** A gzip file without a time; the trailer of a payload is that of gzip. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

export async function dump(payload: Uint8Array): Promise<void> {
  // Anybody may have put a link there: the file is made under a name that nobody knows.
  const made = `${FILE}.${randomUUID()}`;
  await writeFile(made, Buffer.concat([GZIP_HEADER, payload]), { flag: 'wx', mode: 0o600 });
  await rename(made, FILE);
}
