/** The xattrs that a request's xdata sets on a new file. */

import type { Call } from '../../../mux/xlator/call.js';
import { type Dict, valueBytes, valueText } from '../../../mux/xlator/dict.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch } from '../../../native/batch.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { aclFromText } from '../../disk/format/acl-text.js';
import { decodeMdata, MDATA_KEY, type Mdata } from '../../disk/format/mdata-record.js';
import { GFID2PATH_PREFIX } from '../../disk/format/xattr-keys.js';
import { isIdentity, isRestricted, isUser } from '../../disk/format/xattr-names.js';

/** Xattrs in a batch, besides what a creation needs anyway. */
const MAX_XATTRS = 8;

/** The xattrs that a client wants a new file to have, from the request's xdata, as far as the caller may set them. */
export class RequestedXattrs {
  readonly #list: [name: string, value: Uint8Array, flags: number][] = [];
  /** Time record that the client gives the file (healing). */
  mdata: Mdata | null = null;

  /** without: keys that the fop itself has consumed. */
  constructor(call: Call, xdata: Dict | null, without: readonly string[] = []) {
    if (xdata === null) return;
    const user = isUser(call);
    for (const [name, value] of xdata.map) {
      if (isIdentity(name) || key.IGNORED.has(name) || without.includes(name) || (user && isRestricted(name))) continue;
      if (name === key.ACL_ACCESS_XATTR || name === key.ACL_DEFAULT_XATTR) {
        const acl = valueBytes(value);
        // ACLs first: they may change the mode.
        if (acl !== undefined) this.#list.unshift([name, acl, 0]);
      } else if (key.isAclText(name)) {
        const acl = aclFromText(valueText(value) ?? '');
        const xattr = name.startsWith(key.ACL_DEFAULT_TEXT) ? key.ACL_DEFAULT_XATTR : key.ACL_ACCESS_XATTR;
        if (acl !== null) this.#list.push([xattr, acl, 0]);
      } else if (name === MDATA_KEY) {
        const bytes = valueBytes(value);
        if (bytes !== undefined) this.mdata = decodeMdata(Buffer.from(bytes), 0, bytes.length);
      } else if (key.isDiskXattr(name) && name !== key.PATHINFO && !name.startsWith(GFID2PATH_PREFIX)) {
        const bytes = valueBytes(value);
        if (bytes !== undefined) this.#list.push([name, bytes, XATTR_CREATE]);
      }
    }
  }

  /** Ops for as many as a batch has room for. */
  ops(b: Batch, dir: number, name: string | null): void {
    let room = MAX_XATTRS;
    for (const [xattr, value, flags] of this.#list) {
      if (room-- === 0) return;
      b.setxattr(dir, name, xattr, value, flags, IGNORE);
    }
  }

  /** Sets what {@link ops} had no room for. */
  async rest(store: BrickDir, dir: number, name: string, lane: number): Promise<void> {
    for (let i = MAX_XATTRS; i < this.#list.length; i += MAX_XATTRS) {
      const b = batch();
      for (const [xattr, value, flags] of this.#list.slice(i, i + MAX_XATTRS)) {
        b.setxattr(dir, name, xattr, value, flags, IGNORE);
      }
      await store.run(b, lane, Priority.normal);
      b.release();
    }
  }
}
