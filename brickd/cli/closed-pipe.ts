/** Ends quietly when the reader of the output has gone: `brickd serve | head -2`. */

/**
 * From now on a reader of standard output or error that has gone ends nothing: what is written after that is dropped, as
 * by a shell's own commands, instead of ending the process with a stack trace.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
