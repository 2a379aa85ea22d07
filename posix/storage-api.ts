/**
 * What other translators may use of storage/posix besides its fops: those that keep directories of their own in
 * `.glusterfs` (index, trash) read and close them as posix does and know its names. Nothing else of posix is imported
 * from outside, except the translator and its options.
 */
export { measureThroughput } from './brick-dir/throughput.js';
export { DeferredClose } from './disk/deferred-close.js';
export { EntryCursor } from './disk/format/dir-entries.js';
export { directoryLink, HANDLE_DIR, handleName, parseDirectoryLink } from './disk/format/handle-name.js';
export { iattOf } from './disk/format/iatt-from-statx.js';
export { GFID_KEY } from './disk/format/xattr-keys.js';
