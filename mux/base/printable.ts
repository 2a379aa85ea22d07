/**
 * Escapes untrusted text (file names, client names, uuids) for one line of a log: no line breaks, no terminal control.
 */
import { bytesOfText, latin1OfBytes } from '../../native/bytes.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const UNPRINTABLE = /[\0-\x1f\x7f\u0100-\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const UNPRINTABLES = /[\0-\x1f\x7f]|[\u0100-\uffff]+/g;
const NAMES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A byte string without control characters, which become `\n`, `\x1b` and so on. Bytes from 0x80 on stay, as they belong to names
 * in UTF-8; what is no byte becomes UTF-8, instead of being cut to one that may be a control character.
 */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replace(UNPRINTABLES, escaped) : text;
}

function escaped(found: string): string {
  const code = found.charCodeAt(0);
  if (code > 0xff) return latin1OfBytes(bytesOfText(found));
  return NAMES[found] ?? `\\x${code.toString(16).padStart(2, '0')}`;
}
