/**
 * The state that bit-rot detection keeps of a file while it is in the inode table. A file's version is raised before a
 * change is made; after the last close that follows, the signer is notified, twice:
 *
 *   normal ──last close: "wait"──> reopenWait ──the signer's hint──> quick ──last close: "sign"──> normal
 *
 * The signer waits a while after the first time, in which the file may be opened and changed again without notice; what it
 * reads after the second time it signs. A change during that raises the version again, and the signature is not taken.
 */
import { assert } from '../../../../native/assert.js';

/** As the signer knows them. */
export const SignState = { normal: 0, reopenWait: 1, quick: 2 } as const;
export type SignStateNumber = (typeof SignState)[keyof typeof SignState];

/** Notifications of the signer about a closed, changed file. */
export interface Release {
  readonly version: number;
  readonly sign: SignStateNumber;
}

export class ObjectState {
  /** Who has made it: a state of somebody else's is out of date. */
  readonly owner: unknown;
  #version: number;
  /** Changed, or about to be, since it was last to be signed: the version on disk says so. */
  #changed = false;
  #sign: SignStateNumber = SignState.normal;
  /** Its contents do not match its signature. */
  bad: boolean;
  /** Open files by which it may be changed. */
  #writers = 0;
  /** The version is being raised. */
  raising: Promise<void> | null = null;

  constructor(owner: unknown, version: number, bad: boolean) {
    this.owner = owner;
    this.#version = version;
    this.bad = bad;
  }

  get version(): number {
    return this.#version;
  }
  get changed(): boolean {
    return this.#changed;
  }

  /** The signer should read the file, by its state: nobody is changing it, or its next close will notify the signer. */
  get waitsForSigner(): boolean {
    return !this.#changed || this.#sign !== SignState.normal;
  }

  opened(): void {
    this.#writers++;
  }
  closed(): void {
    assert(this.#writers > 0, 'no more files are closed than were opened');
    this.#writers--;
  }

  /** The next version is on disk. */
  raised(): void {
    assert(!this.#changed, 'a version is raised once for a series of changes');
    this.#version++;
    this.#changed = true;
  }

  /**
   * The signer has opened a file to be notified of its close, changed or not: the state may have been forgotten since it was notified
   * a change. If the version was signed meanwhile, a change still raises it: a signature must never be one of other contents.
   */
  hinted(): void {
    this.#sign = SignState.quick;
  }

  /** An open file was closed. Returns the notification for the signer; null: none. */
  released(): Release | null {
    if (this.#writers > 0) return null;
    if (this.#sign === SignState.quick) {
      this.#sign = SignState.normal;
      this.#changed = false;
      return { version: this.#version, sign: SignState.quick };
    }
    if (!this.#changed || this.#sign === SignState.reopenWait) return null;
    this.#sign = SignState.reopenWait;
    return { version: this.#version, sign: SignState.reopenWait };
  }
}
