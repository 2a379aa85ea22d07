/** A control task, in the form in which Piscina calls it. */
import { BrickError } from '../base/brick-error.js';

/** Piscina hands each task over in this wrapping (the rest of it routes the task). */
export interface Task<A> {
  argument: A;
}

/** An export of the worker module. A BrickError leaves the thread as its record; the pool makes an error of it again. */
export function workerTask<A, R>(run: (argument: A) => R | Promise<R>): (task: Task<A>) => Promise<R> {
  return async ({ argument }) => {
    try {
      return await run(argument);
    } catch (error) {
      throw error instanceof BrickError ? error.toJSON() : error;
    }
  };
}
