/** Finds the source location of a log call, as `file:line:function`. */

/**
 * Caller of the function `below` on the present stack. Costs some microseconds: only for lines that are really written.
 */
export function callerOf(below: (...args: never[]) => unknown): string {
  const limit = Error.stackTraceLimit;
  const prepare = Error.prepareStackTrace;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(holder, below as () => unknown);
    const site = (holder.stack as NodeJS.CallSite[])[0];
    if (site === undefined) return '';
    const file = site.getFileName() ?? '';
    const name = site.getFunctionName() ?? site.getMethodName() ?? 'main';
    return `${file.slice(file.lastIndexOf('/') + 1)}:${site.getLineNumber() ?? 0}:${name}`;
  } finally {
    Error.stackTraceLimit = limit;
    Error.prepareStackTrace = prepare;
  }
}
