/** Lanes of open directories, separate from those of inodes. */
const LANES = 0x40000000;

/** A directory that a client has open: a descriptor with a position of its own. */
export class OpenDirectory {
  readonly fd: number;
  constructor(fd: number) {
    this.fd = fd;
  }
  /** Order of the readings, which move the position. */
  get lane(): number {
    return LANES + this.fd;
  }
}
