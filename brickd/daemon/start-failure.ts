/** An error that ends the start of a brick process, with its exit status. */

/** Status that a waiting process gets when a brick cannot be brought up; it exits with its absolute value. */
export const INIT_FAILED = -1;

/** A start that has failed and is logged. */
export class StartFailure {
  /** For the process that waits for the start, which exits with its absolute value. */
  readonly status: number;
  /** Exit status of the process itself. */
  readonly exit: number;

  constructor(status: number, exit: number) {
    this.status = status;
    this.exit = exit;
  }
}
