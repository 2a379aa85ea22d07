/** "Gluster Portmap": glusterd's directory of bricks and ports. */
import { type Infer, i32, struct, text } from '../schema.js';

export const PORTMAP_PROGRAM = 34123456;
export const PORTMAP_VERSION = 1;

export const PortmapProc = { null: 0, portByBrick: 1, brickByPort: 2, signup: 3, signin: 4, signout: 5 } as const;

export const portByBrickReq = struct('pmap_port_by_brick_req', { brick: text });
export const portByBrickRsp = struct('pmap_port_by_brick_rsp', { op_ret: i32, op_errno: i32, status: i32, port: i32 });
export const signinReq = struct('pmap_signin_req', { brick: text, port: i32, pid: i32 });
export const signinRsp = struct('pmap_signin_rsp', { op_ret: i32, op_errno: i32 });
export const signoutReq = struct('pmap_signout_req', { brick: text, port: i32, rdma_port: i32 });
export const signoutRsp = struct('pmap_signout_rsp', { op_ret: i32, op_errno: i32 });

export type PortByBrickReq = Infer<typeof portByBrickReq>;
export type PortByBrickRsp = Infer<typeof portByBrickRsp>;
export type SigninReq = Infer<typeof signinReq>;
export type SigninRsp = Infer<typeof signinRsp>;
export type SignoutReq = Infer<typeof signoutReq>;
export type SignoutRsp = Infer<typeof signoutRsp>;
