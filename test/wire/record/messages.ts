/** Which structure a recorded message has: by program, version, procedure and direction. */

import { codecOf } from '../../../mux/fops/codecs.js';
import * as aggregator from '../../../mux/wire/programs/aggregator.js';
import * as callback from '../../../mux/wire/programs/callback.js';
import * as dump from '../../../mux/wire/programs/dump.js';
import * as handshake from '../../../mux/wire/programs/handshake.js';
import * as mgmt from '../../../mux/wire/programs/mgmt.js';
import * as portmap from '../../../mux/wire/programs/portmap.js';
import { type Struct, struct } from '../../../mux/wire/schema.js';
import { FOP_PROGRAM, FOP_VERSION, FOPS } from '../../../mux/xlator/fop-table.js';

// biome-ignore lint/suspicious/noExplicitAny: structures of every type
type AnyStruct = Struct<any>;

export interface Message {
  program: number;
  version: number;
  procedure: number;
  name: string;
  request: AnyStruct;
  /** Null for calls that get no reply. */
  response: AnyStruct | null;
  payload: 'none' | 'request' | 'response';
}

const empty = struct('empty', {});

function of(
  program: number,
  version: number,
  rows: [procedure: number, name: string, request: AnyStruct, response: AnyStruct | null][],
): Message[] {
  return rows.map(([procedure, name, request, response]) => ({
    program,
    version,
    procedure,
    name,
    request,
    response,
    payload: 'none' as const,
  }));
}

const C = callback.CallbackProc;
const H = handshake.HandshakeProc;
const P = portmap.PortmapProc;

export const MESSAGES: readonly Message[] = [
  ...FOPS.map((f) => ({
    program: FOP_PROGRAM,
    version: FOP_VERSION,
    procedure: f.number,
    name: f.display,
    request: codecOf(f.name).request,
    response: codecOf(f.name).response,
    payload: f.payload,
  })),
  ...of(handshake.HANDSHAKE_PROGRAM, handshake.HANDSHAKE_VERSION, [
    [H.setvolume, 'SETVOLUME', handshake.setvolumeReq, handshake.setvolumeRsp],
    [H.getspec, 'GETSPEC', handshake.getspecReq, handshake.getspecRsp],
    [H.ping, 'HANDSHAKE-PING', empty, dump.pingRsp],
    [H.setLkVer, 'SET_LK_VER', handshake.setLkVerReq, handshake.setLkVerRsp],
    [H.eventNotify, 'EVENT_NOTIFY', handshake.eventNotifyReq, handshake.eventNotifyRsp],
  ]),
  ...of(dump.DUMP_PROGRAM, dump.DUMP_VERSION, [
    [dump.DumpProc.dump, 'DUMP', dump.dumpReq, dump.dumpRsp],
    [dump.DumpProc.ping, 'PING', empty, dump.pingRsp],
  ]),
  ...of(portmap.PORTMAP_PROGRAM, portmap.PORTMAP_VERSION, [
    [P.portByBrick, 'PORTBYBRICK', portmap.portByBrickReq, portmap.portByBrickRsp],
    [P.signin, 'SIGNIN', portmap.signinReq, portmap.signinRsp],
    [P.signout, 'SIGNOUT', portmap.signoutReq, portmap.signoutRsp],
  ]),
  ...of(mgmt.BRICK_OP_PROGRAM, mgmt.BRICK_OP_VERSION, [
    [mgmt.BrickOpProc.terminate, 'BRICK_TERMINATE', mgmt.brickOpReq, mgmt.brickOpRsp],
    [mgmt.BrickOpProc.xlatorInfo, 'BRICK_XLATOR_INFO', mgmt.brickOpReq, mgmt.brickOpRsp],
    [mgmt.BrickOpProc.status, 'BRICK_STATUS', mgmt.brickOpReq, mgmt.brickOpRsp],
    [mgmt.BrickOpProc.barrier, 'BRICK_BARRIER', mgmt.brickOpReq, mgmt.brickOpRsp],
    [mgmt.BrickOpProc.attach, 'BRICK_ATTACH', mgmt.brickOpReq, mgmt.brickOpRsp],
  ]),
  ...of(callback.CALLBACK_PROGRAM, callback.CALLBACK_VERSION, [
    [C.fetchspec, 'FETCHSPEC', empty, null],
    [C.cacheInvalidation, 'CACHE_INVALIDATION', callback.cacheInvalidation, null],
    [C.childUp, 'CHILD_UP', empty, null],
    [C.childDown, 'CHILD_DOWN', empty, null],
    [C.recallLease, 'RECALL_LEASE', callback.recallLease, null],
    [C.statedump, 'STATEDUMP', callback.statedump, null],
    [C.inodelkContention, 'INODELK_CONTENTION', callback.inodelkContention, null],
    [C.entrylkContention, 'ENTRYLK_CONTENTION', callback.entrylkContention, null],
  ]),
  ...of(aggregator.AGGREGATOR_PROGRAM, aggregator.AGGREGATOR_VERSION, [
    [
      aggregator.AggregatorProc.lookup,
      'AGGREGATOR_LOOKUP',
      aggregator.aggregatorLookupReq,
      aggregator.aggregatorLookupRsp,
    ],
  ]),
];

const byKey = new Map(MESSAGES.map((m) => [`${m.program}/${m.version}/${m.procedure}`, m]));
const byName = new Map(MESSAGES.map((m) => [m.name, m]));

export function messageOf(program: number, version: number, procedure: number): Message | undefined {
  return byKey.get(`${program}/${version}/${procedure}`);
}

export function messageByName(name: string): Message | undefined {
  return byName.get(name);
}
