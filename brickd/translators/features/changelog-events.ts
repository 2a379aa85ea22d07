/**
 * Events of the changelog, as translators above it send them and consumers get them (struct changelog_event, host layout).
 *
 * A translator above (features/bitrot-stub) sends one by the ipc fop, on a call of the brick's own, in any value of xdata:
 *
 *   const xdata = new Dict().setBytes('RELEASE-EVENT', brReleaseEvent(version, gfid, info));
 *   await this.brick.byItself((call) => this.next.ipc(call, { op: IPC_CHANGELOG, xdata }));
 *
 * The answer comes at once, with success, whether somebody listens or not: events are for those who have asked for them, and are
 * kept for none. Clients of the brick cannot send any.
 */
import type { Gfid } from '../../../mux/xlator/gfid.js';

/** GF_IPC_TARGET_CHANGELOG. */
export const IPC_CHANGELOG = 0;

/** Kinds of events: bits of what a consumer asks for. */
export const ChangelogEvent = { journal: 1, open: 2, create: 4, release: 8, brRelease: 16 } as const;

export const EVENT_BYTES = 4104;
const UNION_AT = 8;

function event(kind: number): Buffer {
  const bytes = Buffer.alloc(EVENT_BYTES);
  bytes.writeUInt32LE(kind, 0);
  return bytes;
}

/** A journal is complete. path: a byte string. */
export function journalEvent(path: string): Uint8Array {
  const bytes = event(ChangelogEvent.journal);
  bytes.latin1Write(path, UNION_AT, EVENT_BYTES - UNION_AT - 1);
  return bytes;
}

/** A file was opened, or made and opened. */
export function openEvent(kind: 2 | 4, gfid: Gfid, flags: number): Uint8Array {
  const bytes = event(kind);
  bytes.set(gfid, UNION_AT);
  bytes.writeInt32LE(flags, UNION_AT + 16);
  return bytes;
}

/** An open file was closed. */
export function releaseEvent(gfid: Gfid): Uint8Array {
  const bytes = event(ChangelogEvent.release);
  bytes.set(gfid, UNION_AT);
  return bytes;
}

/**
 * A file that was changed was closed for the last time. version and signInfo as bitd reads them: htonl of 32 bits each, the first in a
 * word of 64.
 */
export function brReleaseEvent(version: number, gfid: Gfid, signInfo: number): Uint8Array {
  const bytes = event(ChangelogEvent.brRelease);
  bytes.writeUInt32BE(version >>> 0, UNION_AT);
  bytes.set(gfid, UNION_AT + 8);
  bytes.writeUInt32BE(signInfo >>> 0, UNION_AT + 24);
  return bytes;
}

/** The bit of an event's kind; 0 for bytes that are no event. */
export function kindOf(bytes: Uint8Array): number {
  if (bytes.length !== EVENT_BYTES) return 0;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE(0);
}
