/** A gfid: the 16-byte identity of a file, the same on every brick that holds it. Its key in tables is a 16-char byte string. */

export type Gfid = Uint8Array;

export const ROOT_GFID: Gfid = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
export const NULL_GFID: Gfid = new Uint8Array(16);

/** Byte string of 16 chars: the key that tables use. */
export function gfidKey(gfid: Gfid): string {
  // biome-ignore-start lint/style/noNonNullAssertion: a gfid has 16 bytes; keys are made for every request
  return String.fromCharCode(
    gfid[0]!,
    gfid[1]!,
    gfid[2]!,
    gfid[3]!,
    gfid[4]!,
    gfid[5]!,
    gfid[6]!,
    gfid[7]!,
    gfid[8]!,
    gfid[9]!,
    gfid[10]!,
    gfid[11]!,
    gfid[12]!,
    gfid[13]!,
    gfid[14]!,
    gfid[15]!,
  );
  // biome-ignore-end lint/style/noNonNullAssertion: see above
}

/** The 16 bytes of a key. */
export function gfidOfKey(key: string): Gfid {
  const gfid = new Uint8Array(16);
  for (let i = 0; i < 16; i++) gfid[i] = key.charCodeAt(i);
  return gfid;
}

export const ROOT_KEY = gfidKey(ROOT_GFID);
export const NULL_KEY = gfidKey(NULL_GFID);

export function isNullGfid(gfid: Gfid): boolean {
  for (let i = 0; i < 16; i++) if (gfid[i] !== 0) return false;
  return true;
}

export function sameGfid(a: Gfid, b: Gfid): boolean {
  for (let i = 15; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}

const HEX: string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Canonical text, 36 lower-case chars: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx. */
export function gfidText(g: Gfid): string {
  const h = HEX;
  // biome-ignore-start lint/style/noNonNullAssertion: a gfid has 16 bytes
  return (
    `${h[g[0]!]}${h[g[1]!]}${h[g[2]!]}${h[g[3]!]}-${h[g[4]!]}${h[g[5]!]}-${h[g[6]!]}${h[g[7]!]}-` +
    `${h[g[8]!]}${h[g[9]!]}-${h[g[10]!]}${h[g[11]!]}${h[g[12]!]}${h[g[13]!]}${h[g[14]!]}${h[g[15]!]}`
  );
  // biome-ignore-end lint/style/noNonNullAssertion: see above
}

/** The gfid that a canonical text names, or null when the text is none. */
export function parseGfid(text: string): Gfid | null {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) return null;
  return Uint8Array.from(Buffer.from(text.replaceAll('-', ''), 'hex'));
}
