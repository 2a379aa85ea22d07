/** Limits the descriptors that clients can make the process open: per client, per brick, and in all. */
import { addon } from '../../native/addon.js';
import { EMFILE } from '../../native/errno.js';
import { descriptorsScarce, reservedDescriptors } from '../base/descriptor-reserve.js';
import { failure } from '../xlator/fop-error.js';
import type { FopContext } from './fop-context.js';

/** Shares of what all clients together may have open. */
const CLIENT_SHARE = 1 / 2;
const BRICK_SHARE = 3 / 4;

/** Lets a client open one more file or directory, or throws EMFILE. */
export function admitOpen(ctx: FopContext): void {
  const limit = addon.fileLimit();
  const usable = limit - reservedDescriptors(limit);
  if (ctx.client.openFds >= usable * CLIENT_SHARE) refuse(ctx, limit, `it has ${ctx.client.openFds} open`);
  if (ctx.brick.openFds >= usable * BRICK_SHARE)
    refuse(ctx, limit, `clients of the brick have ${ctx.brick.openFds} open`);
  if (descriptorsScarce()) refuse(ctx, limit, `the process has ${addon.descriptorsInUse()} in use`);
}

function refuse({ brick, client }: FopContext, limit: number, cause: string): never {
  const text = `${brick.name}: client ${client.uid} cannot open more files for now: ${cause}`;
  brick.log.warning(0, `${text}, of ${limit} descriptors that the process may have`);
  throw failure(EMFILE);
}
