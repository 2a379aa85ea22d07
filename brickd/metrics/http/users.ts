/** Authenticates readers of metrics: user and password of a request against bcrypt hashes. */
import { createHash } from 'node:crypto';
import { compare } from 'bcryptjs';

/** Verdicts that are remembered: a hash takes a tenth of a second to try, and a scraper asks again and again. */
const REMEMBERED = 100;
/** Of no password: tried for users that don't exist, so that the time it takes tells nothing. */
const NOBODY = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

export class Gate {
  readonly #verdicts = new Map<string, Promise<boolean>>();

  /** header: value of Authorization. */
  async admits(users: ReadonlyMap<string, string>, header: string | undefined): Promise<boolean> {
    if (users.size === 0) return true;
    const basic = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
    if (basic === undefined) return false;
    const text = Buffer.from(basic, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return false;
    const hash = users.get(text.slice(0, colon));
    // Only what was right or wrong is kept, never the password itself.
    const key = createHash('sha256').update(`${hash}\0${text}`).digest('base64');
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = compare(text.slice(colon + 1), hash ?? NOBODY).then((same) => same && hash !== undefined);
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size >= REMEMBERED && oldest !== undefined) this.#verdicts.delete(oldest);
    this.#verdicts.set(key, verdict);
    return verdict;
  }
}
