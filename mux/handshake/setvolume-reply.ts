/** Encodes the reply to SETVOLUME, a dictionary in the old encoding. */

import { encodeOldDict } from '../wire/dict.js';
import { setvolumeRsp } from '../wire/programs/handshake.js';
import type { XdrWriter } from '../wire/xdr.js';
import { Dict } from '../xlator/dict.js';

/** Writes the whole record. */
export function encodeSetvolumeReply(w: XdrWriter, xid: number, ret: number, errno: number, dict: Dict): void {
  w.beginReply(xid);
  setvolumeRsp.encode(w, { op_ret: ret, op_errno: errno, dict: encodeOldDict(dict) });
  w.endRecord(0);
}

/** Keys of a successful handshake. */
export function acceptedReply(reply: { volumeId: string | undefined; processUuid: string }): Dict {
  const dict = new Dict().setText('ERROR', 'Success').setUint('child_up', 1);
  if (reply.volumeId !== undefined) dict.setText('volume-id', reply.volumeId);
  return dict.setText('process-uuid', reply.processUuid).setUint('clnt-lk-version', 0).setUint('transport-ptr', 1);
}
