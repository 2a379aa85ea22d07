/** Keys of xdata in requests and replies, as Gluster's clients spell them. */

export const GFID_REQ = 'gfid-req';
export const INTERNAL_FOP = 'glusterfs-internal-fop';
export const FORCE_REPLACE = 'force-replace';
export const GFIDLESS_LOOKUP = 'gfidless-lookup';
export const UNLINKED_LOOKUP = 'unlinked-lookup';
export const CLEAN_WRITE_PROTECTION = 'glusterfs.clean.writexattr';
export const WRITE_PROTECTION = 'trusted.glusterfs.protect.writes';
export const AVOID_OVERWRITE = 'glusterfs.avoid.overwrite';
export const WRITE_IS_APPEND = 'glusterfs.write-is-append';
export const WRITE_UPDATE_ATOMIC = 'glusterfs.write-update-atomic';
export const DURABLE_OP = 'trusted.glusterfs.durable-op';
export const MODE_IN_XDATA = 'dht-get-mode-in-xattr';
export const BATCH_FSYNC = 'batch-fsync';
export const CHECK_ZERO_FILLED = 'check-zero-filled';
export const BUFFER_HAS_ZEROES = 'buf-has-zeroes';
export const FIPS_CHECKSUM = 'fips-mode-rchecksum';
export const SET_MDATA = 'set-ctime-mdata';
export const SYNC_XATTRS = 'sync_backend_xattrs';
export const IO_STATS_DUMP = 'trusted.io-stats-dump';
export const NODE_UUID = 'trusted.glusterfs.node-uuid';
export const REAL_FILENAME = 'glusterfs.get_real_filename:';
export const SIGNATURE = 'trusted.glusterfs.get-signature';
export const BITROT_VERSION = 'trusted.bit-rot.version';
export const BITROT_SIGNATURE = 'trusted.bit-rot.signature';
export const BITROT_SIZE = 'trusted.glusterfs.bit-rot.size';
/** Path of an inode as the inode table knows it. */
export const TABLE_PATH = 'glusterfs.gfid2path';
/** Paths of a file as its gfid2path xattrs tell them. */
export const LINK_PATHS = 'glusterfs.gfidtopath';
export const PREOP_PARENT = 'glusterfs.preop.parent.key';
export const PREOP_FAILED = 'glusterfs.preop.check.failed';
export const GET_LINK_COUNT = 'get-link-count';
export const REQUEST_LINK_COUNT = 'gf_request_link_count';
export const RESPONSE_LINK_COUNT = 'gf_response_link_count';
export const FILE_BLOCK_COUNT = 'gf_get_file_block_count';
export const SKIP_OPEN_FD_UNLINK = 'dont-unlink-for-open-fd';
export const SKIP_NON_LINKTO_UNLINK = 'unlink-only-if-dht-linkto-file';
export const IATT_IN_XDATA = 'dht-get-iatt-in-xattr';
export const POST_STAT = 'virt-gf-poststat';
export const PRE_STAT = 'virt-gf-prestat';
export const CONTENT = 'glusterfs.content';
export const OPEN_FD_COUNT = 'glusterfs.open-fd-count';
export const ACTIVE_FD_COUNT = 'glusterfs.open-active-fd-count';
export const ANCESTRY_PATH = 'glusterfs.ancestry.path';
export const ANCESTRY_DENTRY = 'glusterfs.ancestry.dentry';
export const GET_SIZE = 'get-size';
export const LIST_XATTR = 'list-xattr';
export const SKIP_DIRECTORIES = 'readdir-filter-directories';
export const ACL_ACCESS_TEXT = 'glusterfs.posix.acl';
export const ACL_DEFAULT_TEXT = 'glusterfs.posix.default_acl';
export const ACL_ACCESS_XATTR = 'system.posix_acl_access';
export const ACL_DEFAULT_XATTR = 'system.posix_acl_default';
export const INTERNAL_CTX = 'glusterfs.internal-ctx';
export const PATHINFO = 'trusted.glusterfs.pathinfo';
export const USER_PATHINFO = 'glusterfs.pathinfo';

/** Keys of a request that other layers answer: posix passes over them. */
export const IGNORED: ReadonlySet<string> = new Set([
  GFID_REQ,
  INTERNAL_FOP,
  'glusterfs.entrylk-count',
  'glusterfs.inodelk-count',
  'glusterfs.posixlk-count',
  'glusterfs.parent-entrylk',
  GFIDLESS_LOOKUP,
  'glusterfs.inodelk-dom-count',
]);

/** Whether a name is in one of the name spaces that file systems store xattrs under. */
export function isDiskXattr(key: string): boolean {
  return (
    key.startsWith('trusted.') || key.startsWith('user.') || key.startsWith('security.') || key.startsWith('system.')
  );
}

/** Whether a name asks for (or sets) an ACL as text. */
export function isAclText(key: string): boolean {
  return key.startsWith(ACL_ACCESS_TEXT) || key.startsWith(ACL_DEFAULT_TEXT);
}
