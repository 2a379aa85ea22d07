/** GD_BRICK, the brick operations: what glusterd asks of a brick process on its unix socket. */
import { oldDict } from '../dict.js';
import { type Infer, i32, string, struct, text } from '../schema.js';

export const BRICK_OP_PROGRAM = 4867634;
export const BRICK_OP_VERSION = 2;
export const BRICK_OP_NAME = 'Gluster Brick operations';

export const BrickOpProc = {
  null: 0,
  terminate: 1,
  xlatorInfo: 2,
  xlatorOp: 3,
  status: 4,
  op: 5,
  xlatorDefrag: 6,
  nodeProfile: 7,
  nodeStatus: 8,
  volumeBarrierOp: 9,
  barrier: 10,
  nodeBitrot: 11,
  attach: 12,
  dumpMetrics: 13,
  svcAttach: 14,
  svcDetach: 15,
} as const;

export const brickOpReq = struct('gd1_mgmt_brick_op_req', { name: text, op: i32, input: oldDict, dict: oldDict });
/** `output` is null for none at all; glusterd wants at least an empty dictionary from STATUS. */
export const brickOpRsp = struct('gd1_mgmt_brick_op_rsp', {
  op_ret: i32,
  op_errno: i32,
  output: oldDict,
  op_errstr: string(16 << 20),
});

export type BrickOpReq = Infer<typeof brickOpReq>;
export type BrickOpRsp = Infer<typeof brickOpRsp>;
