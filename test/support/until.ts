/** Waiting in tests: for what comes about, never for a fixed time where there is something to look at. */

/** Longer than anything takes on a busy machine: who waits so long waits in vain. */
const LIMIT_MS = 30_000;
const STEP_MS = 10;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until that is so. Throws, with what `told` says, when it does not come about. */
export async function until(
  what: () => boolean | Promise<boolean>,
  told: () => string = () => what.toString(),
  limitMs = LIMIT_MS,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs / 1000} s: ${told()}`);
    await pause(STEP_MS);
  }
}
