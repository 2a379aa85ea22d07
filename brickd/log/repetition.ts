/**
 * Suppresses repeated messages: the last few distinct ones are remembered, and a repetition is only counted. The count
 * is written when the message leaves the list, or at the flush interval.
 */
import { formatLine, formatRepetition, type LogParts } from './format.js';

interface Entry {
  parts: LogParts;
  count: number;
  firstUs: number;
  lastUs: number;
}

export class Repetition {
  readonly #write: (text: string) => void;
  /** Least recently seen first. */
  #entries: Entry[] = [];
  /** Messages remembered; 0 switches suppression off. */
  size: number;
  local: boolean;

  constructor(size: number, local: boolean, write: (text: string) => void) {
    this.size = size;
    this.local = local;
    this.#write = write;
  }

  /** True when the message was seen before and has now been counted: the caller writes nothing. */
  counted(severity: number, domain: string, msgid: number, text: string, errorText: string, nowUs: number): boolean {
    const entries = this.#entries;
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i];
      if (entry === undefined) continue;
      const p = entry.parts;
      if (p.msgid !== msgid || p.text !== text || p.domain !== domain || p.severity !== severity) continue;
      if (p.errorText !== errorText) continue;
      if (entry.count === 0) entry.firstUs = nowUs;
      entry.count++;
      entry.lastUs = nowUs;
      entries.splice(i, 1);
      entries.push(entry);
      return true;
    }
    return false;
  }

  /** Remembers a message that is about to be written; the count of the one that it displaces is written first. */
  remember(parts: LogParts, nowUs: number): void {
    if (this.size === 0) return;
    for (const entry of this.#entries.splice(0, this.#entries.length + 1 - this.size)) this.#end(entry);
    this.#entries.push({ parts, count: 0, firstUs: nowUs, lastUs: nowUs });
  }

  /** Writes all counts and forgets the messages. */
  flush(): void {
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) this.#end(entry);
  }

  #end(entry: Entry): void {
    if (entry.count === 1) this.#write(formatLine(entry.parts, entry.lastUs, this.local, true));
    else if (entry.count > 1) {
      this.#write(formatRepetition(entry.parts, entry.count, entry.firstUs, entry.lastUs, this.local));
    }
  }
}
