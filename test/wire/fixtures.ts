/** Messages recorded from unmodified GlusterFS 10.3 (record/record.sh), one a line: direction, name, base64 of the record. */
import { readFileSync } from 'node:fs';
import { CallHeader, parseCall, parseReply, ReplyHeader } from '../../mux/wire/rpc.js';
import type { Struct } from '../../mux/wire/schema.js';
import { XdrReader } from '../../mux/wire/xdr.js';
import { type Message, messageByName } from './record/messages.js';

export interface Recorded {
  /** "req" or "rsp". */
  direction: string;
  message: Message;
  // biome-ignore lint/suspicious/noExplicitAny: structures of every type
  structure: Struct<any>;
  /** The record without its mark. */
  bytes: Buffer;
  /** Where the arguments or results start. */
  bodyAt: number;
  /** Raw data follows the structure. */
  hasPayload: boolean;
}

/** A file of the source tree's test/wire/fixtures. */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../../test/wire/fixtures/${name}`, import.meta.url), 'utf8');
}

export function recorded(): Recorded[] {
  const r = new XdrReader();
  return fixture('recorded.txt')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [direction, name, base64] = line.split(' ');
      const message = messageByName(name!)!;
      const bytes = Buffer.from(base64!, 'base64');
      r.reset(bytes, 0, bytes.length);
      if (direction === 'req') parseCall(r, new CallHeader());
      else parseReply(r, new ReplyHeader());
      return {
        direction: direction!,
        message,
        structure: direction === 'req' ? message.request : message.response!,
        bytes,
        bodyAt: r.at,
        hasPayload: message.payload === (direction === 'req' ? 'request' : 'response'),
      };
    });
}
