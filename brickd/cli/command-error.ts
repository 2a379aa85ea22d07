/** An error of a command: a message for standard error, without a stack, and an exit status. */
export class CommandError extends Error {
  readonly exitStatus: number;

  constructor(message: string, exitStatus = 1) {
    super(message);
    this.exitStatus = exitStatus;
  }
}
