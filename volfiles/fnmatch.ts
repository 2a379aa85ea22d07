/**
 * fnmatch(3) without flags: `*`, `?`, `[set]`, `[!set]`. A slash and a leading dot are ordinary characters, a backslash
 * quotes the next character. The worst case is proportional to pattern length × text length.
 */
export function fnmatch(pattern: string, text: string): boolean {
  return matches(pattern, text, true);
}

/**
 * As {@link fnmatch} with FNM_NOESCAPE: a backslash stands for itself. So the names of options, as `auth.addr.*.allow`, and of the
 * volumes that options of the command line are for are matched.
 */
export function fnmatchNoEscape(pattern: string, text: string): boolean {
  return matches(pattern, text, false);
}

function matches(pattern: string, text: string, escapes: boolean): boolean {
  let p = 0;
  let t = 0;
  /** Where to continue after a mismatch: the last star matches one more character. */
  let starPattern = -1;
  let starText = 0;
  while (t < text.length) {
    const next = p < pattern.length ? matchOne(pattern, p, text.charAt(t), escapes) : -1;
    if (pattern[p] === '*') {
      starPattern = ++p;
      starText = t;
    } else if (next > 0) {
      p = next;
      t++;
    } else if (starPattern >= 0) {
      p = starPattern;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** True if `pattern` is more than a literal name. */
export const isPattern = (pattern: string): boolean => /[*?[]/.test(pattern);

/** The pattern for {@link fnmatch} that takes this text and no other. */
export const literal = (text: string): string => text.replace(/[\\*?[]/g, '\\$&');

/** Index after the pattern element at `p` if it takes character `c`, or -1. */
function matchOne(pattern: string, p: number, c: string, escapes: boolean): number {
  const element = pattern[p];
  if (element === '?') return p + 1;
  if (element === '\\' && escapes) return pattern[p + 1] === c ? p + 2 : -1;
  if (element !== '[') return element === c ? p + 1 : -1;
  let at = p + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const first = at;
  let found = false;
  while (at < pattern.length && (pattern[at] !== ']' || at === first)) {
    if (pattern[at] === '\\' && escapes) at++;
    const low = pattern[at++];
    let high = low;
    if (pattern[at] === '-' && at + 1 < pattern.length && pattern[at + 1] !== ']') {
      at++;
      if (pattern[at] === '\\' && escapes) at++;
      high = pattern[at++];
    }
    if (low !== undefined && high !== undefined && low <= c && c <= high) found = true;
  }
  // An unclosed bracket is an ordinary character.
  if (at >= pattern.length) return c === '[' ? p + 1 : -1;
  return found === negated ? -1 : at + 1;
}
