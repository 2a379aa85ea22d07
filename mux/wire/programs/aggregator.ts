/** The quota aggregator: a brick asks quotad for the size of a directory over the whole volume, with structures of the 3.x program. */
import { oldDict } from '../dict.js';
import { iatt3 } from '../iatt.js';
import { gfid, type Infer, i32, struct, text, u32 } from '../schema.js';

export const AGGREGATOR_PROGRAM = 29852134;
export const AGGREGATOR_VERSION = 1;

export const AggregatorProc = { null: 0, lookup: 1, getlimit: 2 } as const;

export const aggregatorLookupReq = struct('gfs3_lookup_req', {
  gfid,
  pargfid: gfid,
  flags: u32,
  bname: text,
  xdata: oldDict,
});
export const aggregatorLookupRsp = struct('gfs3_lookup_rsp', {
  op_ret: i32,
  op_errno: i32,
  stat: iatt3,
  postparent: iatt3,
  xdata: oldDict,
});

export type AggregatorLookupReq = Infer<typeof aggregatorLookupReq>;
export type AggregatorLookupRsp = Infer<typeof aggregatorLookupRsp>;
