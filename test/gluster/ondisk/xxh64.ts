/**
 * XXH64 with seed 0, after its specification. Slow and plain: it judges the native one, so it shares nothing with it.
 */
const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const mul = (a: bigint, b: bigint): bigint => (a * b) & MASK;
const add = (a: bigint, b: bigint): bigint => (a + b) & MASK;
const rotate = (a: bigint, bits: bigint): bigint => ((a << bits) | (a >> (64n - bits))) & MASK;
const round = (lane: bigint, input: bigint): bigint => mul(rotate(add(lane, mul(input, P2)), 31n), P1);

/** The digest as 16 hexadecimal digits, most significant first. */
export function xxh64(data: Buffer): string {
  let at = 0;
  let h: bigint;
  if (data.length >= 32) {
    const lanes = [add(P1, P2), P2, 0n, MASK + 1n - P1];
    for (; at + 32 <= data.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, data.readBigUInt64LE(at + 8 * i));
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint];
    h = add(add(rotate(a, 1n), rotate(b, 7n)), add(rotate(c, 12n), rotate(d, 18n)));
    for (const lane of lanes) h = add(mul(h ^ round(0n, lane), P1), P4);
  } else {
    h = P5;
  }
  h = add(h, BigInt(data.length));
  for (; at + 8 <= data.length; at += 8) {
    h = add(mul(rotate(h ^ round(0n, data.readBigUInt64LE(at)), 27n), P1), P4);
  }
  if (at + 4 <= data.length) {
    h = add(mul(rotate(h ^ mul(BigInt(data.readUInt32LE(at)), P1), 23n), P2), P3);
    at += 4;
  }
  for (; at < data.length; at++) h = mul(rotate(h ^ mul(BigInt(data[at]!), P5), 11n), P1);
  h = mul(h ^ (h >> 33n), P2);
  h = mul(h ^ (h >> 29n), P3);
  return (h ^ (h >> 32n)).toString(16).padStart(16, '0');
}
