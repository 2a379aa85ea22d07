/** How system calls address a file: a descriptor, or a directory descriptor and a name. */

/** A file for the ops of a batch: `name` below descriptor `fd`, or, with name null, the open file `fd` itself. */
export interface FileRef {
  readonly fd: number;
  readonly name: string | null;
  /** The batches that use it have run. */
  release(): void;
}

/** A file whose descriptor stays open without being held: one by its handle, or one that the caller's caller holds. */
export class UnheldFile implements FileRef {
  readonly fd: number;
  readonly name: string | null;

  constructor(fd: number, name: string | null) {
    this.fd = fd;
    this.name = name;
  }
  release(): void {}
}

/** The same file, for a function that releases what it is given. */
export function unheld(file: FileRef): FileRef {
  return new UnheldFile(file.fd, file.name);
}
