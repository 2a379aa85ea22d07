/** "GF-DUMP": which programs a server speaks, and pings. */
import { type Infer, i32, list, struct, text, u64, u64big } from '../schema.js';

export const DUMP_PROGRAM = 123451501;
export const DUMP_VERSION = 1;
export const DUMP_NAME = 'GF-DUMP';

export const DumpProc = { null: 0, dump: 1, ping: 2 } as const;

const programNode = struct('gf_prog_detail', { progname: text, prognum: u64, progver: u64 });

export const dumpReq = struct('gf_dump_req', { gfs_id: u64big });
export const dumpRsp = struct('gf_dump_rsp', { gfs_id: u64big, op_ret: i32, op_errno: i32, prog: list(programNode) });

/** PING answers with gf_common_rsp. */
export { commonRsp3 as pingRsp } from './common.js';

export type DumpReq = Infer<typeof dumpReq>;
export type DumpRsp = Infer<typeof dumpRsp>;
