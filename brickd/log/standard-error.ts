/** Whether a log file name means standard error. */
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';

/** As the name of a log file (`-l -`): standard error, as stock and containers have it. */
export const STANDARD_ERROR = '-';

export const isStandardError = (file: ByteString): boolean => latin1OfBytes(file) === STANDARD_ERROR;
