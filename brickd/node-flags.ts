/** Node.js and V8 flags of a brick process. */

/**
 * Flags of the process that serves. A brick's objects either die within a request or live as long as an inode, so the
 * young generation is kept small enough to stay in the processor's cache and to cost little resident memory; a second
 * thread of the engine for collection and compilation is enough beside the workers. Compiled code is never thrown away: the
 * engine takes code that is not run between a few collections for old, and a brick that has rested for ten seconds
 * would spend a fifth more on each of its next thousands of operations.
 */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=16',
  '--v8-pool-size=2',
  '--no-flush-bytecode',
  '--no-warnings',
];
