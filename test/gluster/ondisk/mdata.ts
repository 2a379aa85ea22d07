/** The time record of a file, trusted.glusterfs.mdata: 57 bytes, big-endian. */
export const MDATA = 'trusted.glusterfs.mdata';
const BYTES = 57;
const NSEC_PER_SEC = 1_000_000_000n;

export interface Mdata {
  /** In nanoseconds. */
  ctime: bigint;
  mtime: bigint;
  atime: bigint;
}

/** Throws an Error that tells what is wrong with the record. */
export function parseMdata(b: Buffer): Mdata {
  if (b.length !== BYTES) throw new Error(`mdata has ${b.length} bytes`);
  if (b[0] !== 1) throw new Error(`mdata is of version ${b[0]}`);
  if (b.readBigUInt64BE(1) !== 0n) throw new Error(`mdata has flags ${b.readBigUInt64BE(1)}`);
  const time = (at: number, name: string): bigint => {
    const nsec = b.readBigUInt64BE(at + 8);
    if (nsec >= NSEC_PER_SEC) throw new Error(`mdata has ${nsec} ns in its ${name}`);
    return b.readBigInt64BE(at) * NSEC_PER_SEC + nsec;
  };
  return { ctime: time(9, 'ctime'), mtime: time(25, 'mtime'), atime: time(41, 'atime') };
}
