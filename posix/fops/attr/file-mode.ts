/** Limits on file modes: the administrator's masks, and who may create devices. */
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { EPERM } from '../../../native/errno.js';
import { S_IFBLK, S_IFCHR, S_IFMT, S_IRWXUGO } from '../../../native/linux.js';
import type { Options } from '../../options.js';

/** The volume's mask and force bits on the permissions, the rest as asked. */
function maskedMode(mode: number, mask: number, force: number): number {
  return (mode & ~S_IRWXUGO) | (mask & mode & S_IRWXUGO) | force;
}

/** Mode of anything but a directory. */
export function fileMode(options: Options, mode: number): number {
  return maskedMode(mode, options['create-mask'], options['force-create-mode']);
}

export function directoryMode(options: Options, mode: number): number {
  return maskedMode(mode, options['create-directory-mask'], options['force-directory-mode']);
}

/** EPERM for a device node of anybody but root, as the kernel has it. */
export function refuseDeviceNode(call: Call, mode: number, rdev: number): void {
  const type = mode & S_IFMT;
  if (call.uid !== 0 && (type === S_IFBLK || (type === S_IFCHR && rdev !== 0))) throw failure(EPERM);
}
