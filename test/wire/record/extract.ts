/**
 * Chooses, from captures, a small set of messages that shows every kind of message with every feature seen (dictionary keys
 * and types, errors, credentials), and says who called what:
 *
 *   node dist/test/wire/record/extract.js DIRECTORY CAPTURE.pcap...
 *
 * writes DIRECTORY/recorded.txt (one message a line: "req NAME base64" or "rsp NAME base64", records without their mark),
 * DIRECTORY/refused.txt (replies that refuse a call: "ref PROGRAM/VERSION/PROCEDURE base64"), and prints how often each kind
 * of client used each procedure on bricks.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeOldDict } from '../../../mux/wire/dict.js';
import { HANDSHAKE_PROGRAM, HandshakeProc, setvolumeReq } from '../../../mux/wire/programs/handshake.js';
import { CallHeader, isCall, parseCall, parseReply, ReplyHeader } from '../../../mux/wire/rpc.js';
import { XdrReader } from '../../../mux/wire/xdr.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { type Message, messageOf } from './messages.js';
import { type Captured, records } from './pcap.js';

/** Longer messages are not taken. */
const MAX_BYTES = 4096;
const MAX_PER_KIND = 12;

interface Sample {
  bytes: Buffer;
  features: Set<string>;
  /** The server did not take it: no example of its kind. */
  refused: boolean;
}

const samples = new Map<string, Sample[]>();
const survey = new Map<string, number>();
const unknown = new Map<string, number>();
const refused = new Map<string, string>();

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** What a decoded message shows: keys and types of dictionaries, results, which lists and strings are filled. */
function features(value: unknown, path: string, into: Set<string>): void {
  if (value instanceof Dict) {
    into.add(`${path}{}`);
    for (const [key, v] of value.map)
      into.add(`${path}{${key.replace(/\d+/g, 'N').replace(/[0-9a-f]{8,}/g, 'H')}:${v.type}}`);
  } else if (Array.isArray(value)) {
    into.add(`${path}[${value.length > 0}]`);
    for (const v of value) features(v, `${path}[]`, into);
  } else if (value instanceof Uint8Array) {
    into.add(`${path}=${value.length > 0}`);
  } else if (value !== null && typeof value === 'object') {
    for (const [name, v] of Object.entries(value)) features(v, `${path}.${name}`, into);
  } else if (/op_errno|op_ret|valid|\.cmd|\.type$|\.op$/.test(path)) {
    into.add(`${path}=${/op_ret/.test(path) ? Math.sign(Number(value)) : String(value).slice(0, 8)}`);
  } else {
    into.add(`${path}:${value === null ? 'null' : Boolean(value) && value !== 0n}`);
  }
}

function keep(direction: 'req' | 'rsp', message: Message, bytes: Buffer, extra: string, at: number): Sample | null {
  if (bytes.length > MAX_BYTES) return null;
  const seen = new Set([extra]);
  const r = new XdrReader().reset(bytes, at, bytes.length);
  try {
    const structure = direction === 'req' ? message.request : message.response!;
    features(structure.decode(r), '', seen);
  } catch (error) {
    seen.add(`undecodable ${String(error)}`);
  }
  const kind = `${direction} ${message.name}`;
  const list = samples.get(kind);
  const sample = { bytes, features: seen, refused: false };
  if (list === undefined) samples.set(kind, [sample]);
  else list.push(sample);
  return sample;
}

/** Smallest first, each message that shows something new. */
function choose(list: Sample[]): Sample[] {
  const shown = new Set<string>();
  const chosen: Sample[] = [];
  const left = list.filter((s) => !s.refused).toSorted((a, b) => a.bytes.length - b.bytes.length);
  while (chosen.length < MAX_PER_KIND) {
    let best: Sample | undefined;
    let bestNew = 0;
    for (const s of left) {
      let fresh = 0;
      for (const f of s.features) if (!shown.has(f)) fresh++;
      if (fresh > bestNew) {
        best = s;
        bestNew = fresh;
      }
    }
    if (best === undefined) break;
    chosen.push(best);
    for (const f of best.features) shown.add(f);
  }
  return chosen;
}

/** What kind of process a connection belongs to, as it said in its handshake. */
function clientOf(captured: Captured, header: CallHeader, at: number, known: Map<string, string>): string {
  if (header.program === HANDSHAKE_PROGRAM && header.procedure === HandshakeProc.setvolume) {
    const dict = decodeOldDict(
      setvolumeReq.decode(new XdrReader().reset(captured.bytes, at, captured.bytes.length)).dict,
    );
    known.set(captured.connection, dict.text('process-name') ?? '?');
  }
  return known.get(captured.connection) ?? '';
}

function read(file: string): void {
  const pending = new Map<string, { message: Message | undefined; name: string; sample: Sample | null }>();
  const clients = new Map<string, string>();
  const call = new CallHeader();
  const reply = new ReplyHeader();
  const r = new XdrReader();
  for (const captured of records(readFileSync(file))) {
    const { bytes, connection, fromServer } = captured;
    r.reset(bytes, 0, bytes.length);
    if (bytes.length < 24) continue;
    if (isCall(r)) {
      parseCall(r, call);
      const name = `${call.program}/${call.version}/${call.procedure}`;
      const message = messageOf(call.program, call.version, call.procedure);
      const client = fromServer ? 'callback' : clientOf(captured, call, r.at, clients);
      if (client !== '') count(survey, `${client}\t${name}\t${message?.name ?? '?'}`);
      let sample: Sample | null = null;
      if (message === undefined) count(unknown, name);
      else {
        const credential = `flavor ${call.flavor} groups ${call.groups.length > 0} owner ${call.lkOwner.length} ${call.pid < 0}`;
        sample = keep('req', message, bytes, credential, r.at);
      }
      pending.set(`${connection} ${fromServer} ${call.xid}`, { message, name, sample });
    } else {
      parseReply(r, reply);
      const asked = pending.get(`${connection} ${!fromServer} ${reply.xid}`);
      if (asked === undefined) continue;
      if (!reply.accepted || reply.stat !== 0) {
        refused.set(`${asked.name} ${reply.accepted} ${reply.stat}`, `ref ${asked.name} ${bytes.toString('base64')}`);
        if (asked.sample !== null) asked.sample.refused = true;
      } else if (asked.message?.response != null) keep('rsp', asked.message, bytes, '', r.at);
    }
  }
}

const [, , directory, ...captures] = process.argv;
if (directory === undefined || captures.length === 0) throw new Error('usage: extract DIRECTORY CAPTURE.pcap...');
for (const file of captures) read(file);
const lines: string[] = [];
for (const [kind, list] of [...samples].sort(([a], [b]) => a.localeCompare(b))) {
  for (const s of choose(list)) lines.push(`${kind} ${s.bytes.toString('base64')}`);
}
writeFileSync(`${directory}/recorded.txt`, `${lines.join('\n')}\n`);
writeFileSync(`${directory}/refused.txt`, `${[...refused.values()].join('\n')}\n`);
for (const [key, n] of [...survey].sort(([a], [b]) => a.localeCompare(b))) console.log(`${n}\t${key}`);
for (const [key, n] of unknown) console.log(`not in the tables: ${n}\t${key}`);
