/** Checks that a directory is the root of this volume's brick, and that its file system supports xattrs. */

import { gfidText, isNullGfid, parseGfid, ROOT_GFID, sameGfid } from '../../mux/xlator/gfid.js';
import type { BrickContext } from '../../mux/xlator/translator.js';
import { batch } from '../../native/batch.js';
import type { ByteString } from '../../native/bytes.js';
import { ENODATA, ENOENT, EOPNOTSUPP, errnoName } from '../../native/errno.js';
import { IGNORE, Priority } from '../../native/layout.js';
import { XATTR_CREATE } from '../../native/linux.js';
import { HANDLE_DIR } from '../disk/format/handle-name.js';
import { GFID_KEY, VOLUME_ID_KEY } from '../disk/format/xattr-keys.js';
import type { Options } from '../options.js';
import { type BrickRoot, ID_ROOM, refuse } from './brick-root.js';

/** A brick with this translator does not start without `.glusterfs`. */
const INDEX_TYPE = 'features/index';

/** Checks the xattrs of the root, sets its gfid if it has none. Returns the type of the file system. */
export async function checkIdentity(root: BrickRoot, options: Options, brick: BrickContext): Promise<number> {
  const { path } = root;
  const b = batch();
  const at = [b.out(ID_ROOM), b.out(ID_ROOM), b.out(ID_ROOM)] as const;
  const read = (address: number, key: string): number => b.getxattr(root.fd, null, key, address, ID_ROOM, IGNORE);
  const ops = [read(at[0], 'user.x'), read(at[1], VOLUME_ID_KEY), read(at[2], GFID_KEY)] as const;
  const typeOp = b.fstype(root.fd, IGNORE);
  const handles = b.statOut();
  const handlesOp = b.statx(root.fd, HANDLE_DIR, handles, IGNORE);
  await root.queue.run(b, 0, Priority.high);
  const value = (op: number, address: number): Buffer | number => {
    const r = b.result(op);
    return r >= 0 ? Buffer.from(b.view(address, r)) : r;
  };
  const user = b.result(ops[0]);
  const volumeId = value(ops[1], at[1]);
  const gfid = value(ops[2], at[2]);
  const fsType = b.result(typeOp);
  const hasHandles = b.result(handlesOp) !== -ENOENT;
  b.release();
  if (user === -EOPNOTSUPP && options['mandate-attribute'] !== false) {
    throw refuse(path, 'the file system does not support extended attributes');
  }
  const wanted = options['volume-id'];
  if (wanted !== undefined) checkVolumeId(volumeId, path, wanted);
  // glusterd makes it with the volume. Later it marks whatever directory it finds at the path, that below an unmounted disk too.
  if (!hasHandles && brick.hasLayer(INDEX_TYPE)) {
    throw refuse(path, `it has no ${HANDLE_DIR}, which every brick of a volume has: is its disk not mounted?`);
  }
  if (gfid === -ENODATA) await setGfid(root);
  else if (typeof gfid === 'number') {
    throw refuse(path, `reading ${GFID_KEY} of the root failed: ${errnoName(-gfid)}`);
  } else if (gfid.length !== 16) {
    throw refuse(path, `${GFID_KEY} of the root has ${gfid.length} bytes instead of 16`);
  } else if (!sameGfid(gfid, ROOT_GFID)) {
    throw refuse(path, `gfid (${gfidText(gfid)}) of the directory is not that of a volume's root`);
  }
  return fsType;
}

async function setGfid(root: BrickRoot): Promise<void> {
  const b = batch();
  b.setxattr(root.fd, null, GFID_KEY, ROOT_GFID, XATTR_CREATE);
  await root.queue.run(b, 0, Priority.high);
  const r = b.result(0);
  b.release();
  if (r < 0) throw refuse(root.path, `setting ${GFID_KEY} of the root failed: ${errnoName(-r)}`);
}

function checkVolumeId(found: Buffer | number, path: ByteString, text: string): void {
  const wanted = parseGfid(text);
  if (wanted === null || isNullGfid(wanted)) throw refuse(path, `wrong volume-id (${text}) set in volume file`);
  if (found === -ENODATA) throw refuse(path, 'Extended attribute trusted.glusterfs.volume-id is absent');
  if (typeof found === 'number') throw refuse(path, `failed to fetch volume-id: ${errnoName(-found)}`);
  if (found.length !== 16) throw refuse(path, 'failed to fetch proper volume id from export');
  if (!sameGfid(found, wanted)) {
    throw refuse(path, `mismatching volume-id (${text}) received. already is a part of volume ${gfidText(found)}`);
  }
}
