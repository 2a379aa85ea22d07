/** What is told of a slow fop. */
import type { ClientState } from '../brick/client.js';
import type { InodeTable } from '../brick/inode-table.js';
import type { SlowFop } from '../brick/slow-fops.js';
import type { Call } from '../xlator/call.js';
import type { FopEntry } from '../xlator/fop-table.js';
import { gfidOfKey, gfidText } from '../xlator/gfid.js';
import { pathOf, pathUnder } from '../xlator/known-path.js';
import { addWait, LONG_WAIT_MS, type Waited } from '../xlator/waits.js';

/** Arguments that several fops have, as the wire has them. */
interface Arguments {
  gfid?: unknown;
  pargfid?: unknown;
  oldgfid?: unknown;
  bname?: unknown;
  oldbname?: unknown;
  offset?: unknown;
  size?: unknown;
  len?: unknown;
}

/** What is asked of a fop in flight. */
interface ReportedFop {
  readonly call: Call;
  readonly session: { readonly client: ClientState; readonly table: InodeTable };
  readonly entry: FopEntry;
  readonly request: unknown;
  readonly cameMs: number;
  readonly heldMs: number;
  readonly dataBytes: number;
  readonly answered: boolean;
  readonly errno: number;
}

/** Longer paths are cut at the front. */
const LONGEST_PATH = 512;

const numberOf = (value: unknown): number =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : -1;

function pathText(fop: ReportedFop, request: Arguments): string {
  const parentKey = request.pargfid ?? request.oldgfid;
  const name = request.bname ?? request.oldbname;
  const { table, client } = fop.session;
  if (typeof parentKey === 'string' && typeof name === 'string' && name !== '') {
    const parent = table.get(client.mapRoot(parentKey));
    if (parent !== undefined) return pathUnder(parent, name);
    if (parentKey.length === 16) return `<gfid:${gfidText(gfidOfKey(parentKey))}>/${name}`;
  }
  const { subject } = fop.call;
  if (subject !== null) return pathOf(subject);
  const key = request.gfid;
  if (typeof key !== 'string' || key.length !== 16) return '';
  const inode = table.get(client.mapRoot(key));
  return inode === undefined ? `<gfid:${gfidText(gfidOfKey(key))}>` : pathOf(inode);
}

/** own: where it has waited before it went down. errno: how it has ended. */
export function slowReport(fop: ReportedFop, nowMs: number, own: readonly Waited[]): Omit<SlowFop, 'number'> {
  const { call, session, entry, heldMs } = fop;
  const { client } = session;
  const request = (fop.request ?? {}) as Arguments;
  const waits = call.longWaits();
  for (const wait of own) if (wait.ms >= LONG_WAIT_MS) addWait(waits, wait);
  const ms = nowMs - fop.cameMs + heldMs;
  const rest = waits.reduce((left, wait) => left - wait.ms, ms);
  if (rest >= LONG_WAIT_MS) addWait(waits, { place: 'other', detail: '', ms: rest });
  const path = pathText(fop, request);
  const size = numberOf(request.size ?? request.len);
  return {
    atMs: performance.timeOrigin + fop.cameMs - heldMs,
    fop: entry.display,
    path: path.length > LONGEST_PATH ? `...${path.slice(-LONGEST_PATH)}` : path,
    client: client.uid,
    clientName: client.processName,
    peer: client.peer,
    pid: call.pid,
    uid: call.uid,
    offset: numberOf(request.offset),
    size: size < 0 && fop.dataBytes > 0 ? fop.dataBytes : size,
    ms,
    underWay: !fop.answered,
    errno: fop.errno,
    waits: waits.sort((a, b) => b.ms - a.ms),
  };
}
