/**
 * The changelog's two programs: consumers of journals ask the brick to tell them of events, and the brick connects back and does so.
 * Raw event structures follow the request of an event call ({@link changelogEventReq} carries them in one piece).
 */
import { custom, type Infer, i32, struct, u32, u64 } from '../schema.js';

export const PROBE_PROGRAM = 1885957735;
export const PROBE_VERSION = 1;
export const PROBE_NAME = 'CHANGELOG RPC';
export const ProbeProc = { null: 0, filter: 1 } as const;

export const EVENT_PROGRAM = 1886350951;
export const EVENT_VERSION = 1;
export const EventProc = { null: 0, event: 1 } as const;

/** sun_path of a unix socket. */
const UNIX_PATH_BYTES = 108;

/** char[108]: XDR codes each char as a word. Decoded as a byte string up to the first NUL. */
const socketPath = custom<string>(
  (r) => {
    let path = '';
    let ended = false;
    for (let i = 0; i < UNIX_PATH_BYTES; i++) {
      const char = r.u32() & 0xff;
      if (char === 0) ended = true;
      if (!ended) path += String.fromCharCode(char);
    }
    return path;
  },
  (w, path) => {
    for (let i = 0; i < UNIX_PATH_BYTES; i++) w.u32(i < path.length ? path.charCodeAt(i) : 0);
  },
);

/** Bytes to the end of the record. */
const rest = custom<Uint8Array>(
  (r) => {
    const length = r.left;
    const at = r.skip(length);
    return Uint8Array.prototype.slice.call(r.bytes, at, at + length);
  },
  (w, value) => {
    const at = w.take(value.length);
    w.bytes.set(value, at);
  },
);

export const changelogProbeReq = struct('changelog_probe_req', { filter: u32, sock: socketPath });
export const changelogProbeRsp = struct('changelog_probe_rsp', { op_ret: i32 });

export const changelogEventReq = struct('changelog_event_req', { seq: u64, tv_sec: u64, tv_usec: u64, events: rest });
export const changelogEventRsp = struct('changelog_event_rsp', { op_ret: i32, seq: u64 });

export type ChangelogProbeReq = Infer<typeof changelogProbeReq>;
export type ChangelogEventReq = Infer<typeof changelogEventReq>;
