/** As the name of a log file (`-l -`): standard error, as stock and containers have it. */
export const STANDARD_ERROR = '-';
