/** Formats lines in Gluster's log format. A message never spans several lines. */
import { printable } from '../../mux/base/printable.js';
import { formatTime } from '../../mux/base/time-text.js';

/** Level letters by severity number; 0 is blank. */
const LETTERS = ' MACEWNIDT';

export interface LogParts {
  severity: number;
  domain: string;
  msgid: number;
  text: string;
  /** Text of the errno, '' for none. */
  errorText: string;
  /** `file:line:function`. */
  place: string;
}

/** Body of a line with a message number, without its time and end: also what a repetition quotes. */
function numberedBody(parts: LogParts, withId: boolean): string {
  const id = withId ? `[MSGID: ${parts.msgid}] ` : '';
  return printable(`${LETTERS[parts.severity]} ${id}[${parts.place}] 0-${parts.domain}: ${parts.text}`);
}

/**
 * A whole line. A line with a message number ends with a blank, or with the text of its errno in brackets, as Gluster's
 * do. withId: false leaves the numbers out (log-format no-msg-id).
 */
export function formatLine(parts: LogParts, timeUs: number, local: boolean, withId: boolean): string {
  const time = formatTime(timeUs, local);
  if (parts.msgid === 0) {
    const tail = parts.errorText === '' ? '' : ` [${parts.errorText}]`;
    return `[${time}] ${numberedBody(parts, false)}${tail}\n`;
  }
  const tail = parts.errorText === '' ? ' ' : ` [${parts.errorText}]`;
  return `[${time}] ${numberedBody(parts, withId)}${tail}\n`;
}

/** The line that stands for `count` suppressed repetitions between two times. */
export function formatRepetition(
  parts: LogParts,
  count: number,
  firstUs: number,
  lastUs: number,
  local: boolean,
): string {
  const error = parts.errorText === '' ? '' : ` [${parts.errorText}]`;
  const body = numberedBody(parts, parts.msgid !== 0);
  const span = `[${formatTime(firstUs, local)}] and [${formatTime(lastUs, local)}]`;
  return `The message "${body}${error}" repeated ${count} times between ${span}\n`;
}

/** The line that stands for `count` lines of the kind of `parts` that were left out within so many seconds. */
export function formatMore(parts: LogParts, count: number, seconds: number, local: boolean): string {
  const error = parts.errorText === '' ? '' : ` [${parts.errorText}]`;
  const text = `${count} more like this within ${seconds} s were left out, the last one: ${parts.text}${error}`;
  return formatLine({ ...parts, msgid: 0, text, errorText: '' }, Date.now() * 1000, local, false);
}
