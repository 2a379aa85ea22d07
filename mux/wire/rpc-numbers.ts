/** Numbers of ONC RPC (RFC 5531) and of Gluster's credentials. */

export const MsgType = { call: 0, reply: 1 } as const;
export const ReplyStat = { accepted: 0, denied: 1 } as const;
export const RejectStat = { rpcMismatch: 0, authError: 1 } as const;
export const RPC_VERSION = 2;
/** auth_stat of every refused credential. */
export const AUTH_REJECTED = 2;

export const AcceptStat = {
  success: 0,
  progUnavail: 1,
  progMismatch: 2,
  procUnavail: 3,
  garbageArgs: 4,
  systemErr: 5,
} as const;

export const AuthFlavor = { null: 0, unix: 1, glusterfs: 5, glusterfsV2: 390039, glusterfsV3: 390040 } as const;
/** Body of a credential at most (RFC 5531). */
export const MAX_AUTH_BYTES = 400;
