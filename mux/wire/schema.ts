/**
 * XDR structures declared once: a schema gives the TypeScript type by inference and a codec that is compiled on first use
 * into straight-line code (one bounds check per run of fixed-size fields, one object shape per message).
 */
import {
  copyBytes,
  getI64,
  getU64,
  MAX_STRING_BYTES,
  setU64,
  TRUNCATED,
  type XdrReader,
  type XdrWriter,
} from './xdr.js';

/** How one field is coded. `T` is the type of its value. */
export interface Type<T> {
  /** Encoded bytes when that is always the same, else 0. */
  readonly size: number;
  /**
   * Expression that decodes. Of fixed size: from DataView `v` and Buffer `b` at offset `at`; else from the reader `r`.
   */
  read(scope: Scope, at: string): string;
  /** Statement that encodes expression `value`; fixed size: into `v` and `b` at offset `at`; else to the writer `w`. */
  write(scope: Scope, value: string, at: string): string;
  /** For inference only; never set. */
  readonly sample?: T;
}

export type Infer<S> = S extends Type<infer T> ? T : never;

/** Values that generated code refers to, by generated names. */
export class Scope {
  readonly names: string[] = [];
  readonly values: unknown[] = [];

  /** The name under which generated code finds `value`. */
  use(value: unknown): string {
    let i = this.values.indexOf(value);
    if (i < 0) {
      i = this.values.push(value) - 1;
      this.names.push(`x${i}`);
    }
    return `x${i}`;
  }
}

function fixed<T>(
  size: number,
  read: (at: string, scope: Scope) => string,
  write: (value: string, at: string, scope: Scope) => string,
): Type<T> {
  return { size, read: (scope, at) => read(at, scope), write: (scope, value, at) => write(value, at, scope) };
}

/** A type that functions code: for structures worth tuning by hand. They work on reader and writer, at any size. */
export function custom<T>(read: (r: XdrReader) => T, write: (w: XdrWriter, value: T) => void): Type<T> {
  return {
    size: 0,
    read: (scope) => `${scope.use(read)}(r)`,
    write: (scope, value) => `${scope.use(write)}(w, ${value});`,
  };
}

export const u32: Type<number> = fixed(
  4,
  (at) => `v.getUint32(${at})`,
  (value, at) => `v.setUint32(${at}, ${value});`,
);
export const i32: Type<number> = fixed(
  4,
  (at) => `v.getInt32(${at})`,
  (value, at) => `v.setInt32(${at}, ${value});`,
);
/** As a number: exact to 2^53, rounded (never to a value below 2^53) beyond. */
export const u64: Type<number> = fixed(
  8,
  (at, scope) => `${scope.use(getU64)}(v, ${at})`,
  (value, at, scope) => `${scope.use(setU64)}(v, ${at}, ${value});`,
);
/** As a number: exact to ±2^53, rounded beyond. */
export const i64: Type<number> = fixed(
  8,
  (at, scope) => `${scope.use(getI64)}(v, ${at})`,
  (value, at, scope) => `${scope.use(setU64)}(v, ${at}, ${value});`,
);
/** All 64 bits, unsigned when decoded; encodes negative values too. */
export const u64big: Type<bigint> = fixed(
  8,
  (at) => `v.getBigUint64(${at})`,
  (value, at) => `v.setBigUint64(${at}, ${value});`,
);

/** A gfid as the byte string of 16 chars that tables have as key. */
export const gfid: Type<string> = fixed(
  16,
  (at) => `b.latin1Slice(${at}, ${at} + 16)`,
  (value, at) => `b.latin1Write(${value}, ${at}, 16);`,
);

/** opaque[n], n a multiple of 4, as bytes of its own. */
export function bytesOf(n: number): Type<Uint8Array> {
  return fixed(
    n,
    (at, scope) => `${scope.use(copyBytes)}(b, ${at}, ${n})`,
    (value, at) => `b.set(${value}, ${at});`,
  );
}

/** string<> as a byte string; it ends at a NUL as it does for C. */
export function string(maxBytes = MAX_STRING_BYTES): Type<string> {
  return { size: 0, read: () => `r.string(${maxBytes})`, write: (_scope, value) => `w.string(${value});` };
}
export const text = string();

/** opaque<> as a byte string. */
export function byteString(maxBytes: number): Type<string> {
  return { size: 0, read: () => `r.byteString(${maxBytes})`, write: (_scope, value) => `w.string(${value});` };
}

/** opaque<> as bytes of its own. */
export function opaque(maxBytes: number): Type<Uint8Array> {
  return { size: 0, read: () => `r.opaque(${maxBytes})`, write: (_scope, value) => `w.opaque(${value});` };
}

/** A linked list (each node behind a u32 1, the end a 0) as an array. */
export function list<T>(node: Struct<T>): Type<T[]> {
  const read = (r: XdrReader): T[] => {
    const nodes: T[] = [];
    while (r.u32() !== 0) nodes.push(node.decode(r));
    return nodes;
  };
  const write = (w: XdrWriter, nodes: T[]): void => {
    for (const one of nodes) {
      w.u32(1);
      node.encode(w, one);
    }
    w.u32(0);
  };
  return custom(read, write);
}

type Fields = Record<string, Type<unknown>>;
type Shape<F extends Fields> = { -readonly [K in keyof F]: Infer<F[K]> };

/** A structure: fields in wire order. Also usable as a field's type. */
export class Struct<T> implements Type<T> {
  readonly size = 0;
  readonly name: string;
  readonly #fields: Fields;
  /** Reads one structure. Throws XdrError. */
  decode: (r: XdrReader) => T;
  /** Writes one structure. */
  encode: (w: XdrWriter, value: T) => void;
  declare readonly sample?: T;

  constructor(name: string, fields: Fields) {
    this.name = name;
    this.#fields = fields;
    this.decode = (r) => {
      this.decode = this.#compileDecode();
      return this.decode(r);
    };
    this.encode = (w, value) => {
      this.encode = this.#compileEncode();
      this.encode(w, value);
    };
  }

  read(scope: Scope): string {
    return `${scope.use(this)}.decode(r)`;
  }

  write(scope: Scope, value: string): string {
    return `${scope.use(this)}.encode(w, ${value});`;
  }

  /** Field names in wire order. */
  get fieldNames(): string[] {
    return Object.keys(this.#fields);
  }

  #compileDecode(): (r: XdrReader) => T {
    const scope = new Scope();
    const lines: string[] = ['const v = r.view, b = r.bytes;', 'let at = 0;'];
    const entries = Object.entries(this.#fields);
    for (const run of runsOf(entries)) {
      if (run.size === 0) {
        for (const { name, type } of run.fields) lines.push(`const _${name} = ${type.read(scope, '')};`);
        continue;
      }
      lines.push(
        'at = r.at;',
        `if (r.end - at < ${run.size}) throw ${scope.use(TRUNCATED)};`,
        `r.at = at + ${run.size};`,
      );
      for (const { name: n, type: t, offset } of run.fields)
        lines.push(`const _${n} = ${t.read(scope, `at + ${offset}`)};`);
    }
    lines.push(`return { ${entries.map(([name]) => `${name}: _${name}`).join(', ')} };`);
    return compile(`decode_${this.name}`, 'r', lines, scope) as (r: XdrReader) => T;
  }

  #compileEncode(): (w: XdrWriter, value: T) => void {
    const scope = new Scope();
    const lines: string[] = ['let at = 0, v = w.view, b = w.bytes;'];
    const entries = Object.entries(this.#fields);
    for (const run of runsOf(entries)) {
      if (run.size === 0) {
        for (const { name, type } of run.fields) lines.push(type.write(scope, `m.${name}`, ''));
        continue;
      }
      // Making room may move the output: read view and bytes again.
      lines.push(`at = w.take(${run.size}); v = w.view; b = w.bytes;`);
      for (const { name: n, type: t, offset } of run.fields) lines.push(t.write(scope, `m.${n}`, `at + ${offset}`));
    }
    return compile(`encode_${this.name}`, 'w, m', lines, scope) as (w: XdrWriter, value: T) => void;
  }
}

/** Fields that follow one another: one of variable size (then size is 0), or any number of fixed size. */
interface Run {
  size: number;
  fields: { name: string; type: Type<unknown>; offset: number }[];
}

function runsOf(entries: [string, Type<unknown>][]): Run[] {
  const runs: Run[] = [];
  let fixed: Run | null = null;
  for (const [name, type] of entries) {
    if (type.size === 0) {
      runs.push({ size: 0, fields: [{ name, type, offset: 0 }] });
      fixed = null;
      continue;
    }
    if (fixed === null) {
      fixed = { size: 0, fields: [] };
      runs.push(fixed);
    }
    fixed.fields.push({ name, type, offset: fixed.size });
    fixed.size += type.size;
  }
  return runs;
}

function compile(name: string, parameters: string, lines: string[], scope: Scope): unknown {
  const body = `'use strict'; return function ${name}(${parameters}) {\n${lines.join('\n')}\n};`;
  return new Function(...scope.names, body)(...scope.values);
}

/** Declares a structure. Field names are the specification's; `name` shows up in profiles. */
export function struct<F extends Fields>(name: string, fields: F): Struct<Shape<F>> {
  return new Struct<Shape<F>>(name, fields);
}
