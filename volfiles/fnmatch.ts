/**
 * Shell patterns as fnmatch(3) with FNM_NOESCAPE and no other flag has them: `*`, `?`, `[set]`, `[!set]`; a slash and a
 * leading dot are ordinary characters, a backslash stands for itself. Used for option keys such as `auth.addr.*.allow` and for
 * the volume names of command-line options. Runs in time proportional to pattern × text at worst.
 */
export function fnmatch(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  /** Where to go on when a character doesn't match: the last star takes one more. */
  let starPattern = -1;
  let starText = 0;
  while (t < text.length) {
    const next = p < pattern.length ? matchOne(pattern, p, text[t]!) : -1;
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

/** Index after the pattern element at `p` if it takes character `c`, or -1. */
function matchOne(pattern: string, p: number, c: string): number {
  const element = pattern[p];
  if (element === '?') return p + 1;
  if (element !== '[') return element === c ? p + 1 : -1;
  let at = p + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const end = pattern.indexOf(']', at + 1);
  // An unclosed bracket is an ordinary character.
  if (end < 0) return c === '[' ? p + 1 : -1;
  let found = false;
  while (at < end) {
    const low = pattern[at]!;
    if (pattern[at + 1] === '-' && at + 2 < end) {
      if (low <= c && c <= pattern[at + 2]!) found = true;
      at += 3;
    } else {
      if (low === c) found = true;
      at++;
    }
  }
  return found === negated ? -1 : end + 1;
}
