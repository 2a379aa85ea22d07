/**
 * The xattr `trusted.glusterfs.lockinfo`: a client that opens a file again (another process of the same application takes
 * over) moves the locks of the old fd to the new one. Its value is a dictionary in Gluster's old encoding that maps a
 * brick to the number of an fd.
 */
export const LOCKINFO_KEY = 'trusted.glusterfs.lockinfo';

/** Count, then lengths (big-endian) and bytes of key and value, each with its NUL. */
export function encodeLockinfo(brick: string, fdNumber: number): Uint8Array {
  const value = `${fdNumber}\0`;
  const b = Buffer.alloc(12 + brick.length + 1 + value.length);
  b.writeUInt32BE(1, 0);
  b.writeUInt32BE(brick.length, 4);
  b.writeUInt32BE(value.length, 8);
  b.latin1Write(`${brick}\0${value}`, 12);
  return b;
}

/** Number of the old fd for a brick: 0 when the value has none. Undefined when the value is malformed. */
export function decodeLockinfo(bytes: Uint8Array, brick: string): number | undefined {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (b.length < 4) return undefined;
  const count = b.readUInt32BE(0);
  let at = 4;
  let found = 0;
  for (let i = 0; i < count; i++) {
    if (at + 8 > b.length) return undefined;
    const keyLength = b.readUInt32BE(at);
    const valueLength = b.readUInt32BE(at + 4);
    at += 8;
    if (at + keyLength + 1 + valueLength > b.length) return undefined;
    const key = b.latin1Slice(at, at + keyLength);
    at += keyLength + 1;
    const text = b.latin1Slice(at, at + valueLength).replace(/\0.*$/s, '');
    at += valueLength;
    if (key === brick) found = Number(text);
  }
  return Number.isSafeInteger(found) ? found : 0;
}

/** The brick in an answer of `trusted.glusterfs.pathinfo` (`<POSIX(/brick):host:/brick/file>`), as the key above has it. */
export function lockinfoBrick(pathinfo: string): string | null {
  const colon = pathinfo.lastIndexOf(':');
  return colon < 0 ? null : pathinfo.slice(0, colon);
}

/** The brick as the summary of cleared locks names it: `host:/brick/file`, up to the first dot. Null when there is none. */
export function summaryBrick(pathinfo: string): string | null {
  const parts = pathinfo.split(':').filter((part) => part !== '');
  if (parts.length < 3) return null;
  const path = parts.slice(2).join(':').replace(/^\.+/, '').replace(/\..*$/s, '');
  return path === '' ? null : `${parts[1]}:${path}`;
}
