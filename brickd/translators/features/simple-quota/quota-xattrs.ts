/** Names by which limits and sizes of namespaces are stored, and by which helpers tell the brick something. */
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import { EINVAL } from '../../../../native/errno.js';

export const LIMIT = 'trusted.gfs.squota.limit';
export const SIZE = 'trusted.gfs.squota.size';
export const NAMESPACE = 'trusted.glusterfs.namespace';
export const TOTAL_USAGE = 'glusterfs.quota.total-usage';
export const RESET = 'glusterfs.quota.reset';
export const DISABLE_CHECK = 'glusterfs.quota.disable-check';
/** Keys that are commands to the brick and are not stored. */
export const COMMANDS = [TOTAL_USAGE, RESET, DISABLE_CHECK];
/** Tells distribute to add up what bricks report. */
export const ADD_UP = 'simple-quota';

/** A number of a request; EINVAL if it is not one. */
export function numberOf(dict: Dict, key: string): number {
  const value = dict.number(key);
  if (value === undefined || !Number.isSafeInteger(value)) throw failure(EINVAL);
  return value;
}
