/** Methods of Node's Buffer that its type declarations lack in some versions: the byte-string (latin1) fast paths. */
declare global {
  interface Buffer {
    latin1Write(text: string, offset?: number, length?: number): number;
    latin1Slice(start?: number, end?: number): string;
  }
}

export {};
