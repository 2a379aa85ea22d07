/**
 * Splits a volfile into words. The text is a byte string (one character per byte), as all names and paths in brickd
 * are.
 *
 * A word is a keyword (in lower case), a run of characters other than blanks, `"` and `\`, or a string in double quotes, in which
 * a backslash takes the next character as it is. `#` at the start of a word begins a comment. As glusterfsd's scanner does,
 * a backslash outside quotes is skipped, and a line break inside quotes is not part of the string.
 */

export const Token = {
  end: 0,
  word: 1,
  volume: 2,
  type: 3,
  option: 4,
  subvolumes: 5,
  endVolume: 6,
  /** A quote that nothing closes; `text` is what follows it on its line. */
  unclosed: 7,
} as const;
export type Token = (typeof Token)[keyof typeof Token];

const KEYWORDS: ReadonlyMap<string, Token> = new Map<string, Token>([
  ['volume', Token.volume],
  ['type', Token.type],
  ['option', Token.option],
  ['subvolumes', Token.subvolumes],
  ['subvolumeS', Token.subvolumes],
  ['end-volume', Token.endVolume],
]);

const BARE = /[^ \t\r\n"\\]+/y;
const STRING_PART = /[^\n"\\]*/y;

/** Reads words one after the other; the current one is in `token`, `text` and `line`. */
export class Lexer {
  token: Token = Token.end;
  /** The word itself. */
  text = '';
  /** Line that the word starts on, from 1. */
  line = 1;
  readonly #source: string;
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  next(): Token {
    const s = this.#source;
    for (; this.#at < s.length; this.#at++) {
      const c = s[this.#at];
      if (c === '\n') this.#line++;
      else if (c === '#') this.#skipComment();
      else if (c !== ' ' && c !== '\t' && c !== '\r' && c !== '\\') break;
    }
    this.line = this.#line;
    if (this.#at >= s.length) {
      this.text = '';
      this.token = Token.end;
    } else if (s[this.#at] === '"') {
      this.#string();
    } else {
      BARE.lastIndex = this.#at;
      this.text = ownCopy(BARE.exec(s)?.[0] ?? '');
      this.#at += this.text.length;
      this.token = KEYWORDS.get(this.text) ?? Token.word;
    }
    return this.token;
  }

  /** Leaves the position on the last character of the comment. */
  #skipComment(): void {
    const end = this.#source.indexOf('\n', this.#at);
    this.#at = (end < 0 ? this.#source.length : end) - 1;
  }

  #string(): void {
    const s = this.#source;
    const start = ++this.#at;
    const parts: string[] = [];
    while (this.#at < s.length) {
      STRING_PART.lastIndex = this.#at;
      const part = STRING_PART.exec(s)?.[0] ?? '';
      if (part !== '') parts.push(part);
      this.#at += part.length;
      const c = s[this.#at];
      if (c === '"') {
        this.#at++;
        this.text = parts.join('');
        this.token = Token.word;
        return;
      }
      if (c === '\n') this.#line++;
      else if (c === '\\' && this.#at + 1 < s.length && s[this.#at + 1] !== '\n') parts.push(s.charAt(++this.#at));
      this.#at++;
    }
    const eol = s.indexOf('\n', start);
    this.text = s.slice(start, eol < 0 ? s.length : eol);
    this.token = Token.unclosed;
  }
}

/** From this length on the engine may keep a part of a string as a view of the whole. */
const VIEW_LENGTH = 13;

/** A word that does not keep the whole volfile in memory for as long as it lives, which is as long as its brick. */
function ownCopy(word: string): string {
  return word.length < VIEW_LENGTH ? word : Buffer.from(word, 'utf16le').toString('utf16le');
}

/**
 * Line of the first back-quote that no backslash precedes, or 0. glusterfsd runs what stands between back-quotes as a
 * command, anywhere in the file, before it reads a word.
 */
export function backquoteLine(source: string): number {
  let at = source.indexOf('`');
  while (at >= 0) {
    let backslashes = 0;
    while (source[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) {
      let line = 1;
      for (let i = source.indexOf('\n'); i >= 0 && i < at; i = source.indexOf('\n', i + 1)) line++;
      return line;
    }
    at = source.indexOf('`', at + 1);
  }
  return 0;
}
