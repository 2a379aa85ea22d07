/** A worker takes over a connection from the main thread: last checks, the session, and the reply to the handshake. */
import { addon } from '../../native/addon.js';
import { EACCES, EAGAIN } from '../../native/errno.js';
import { region } from '../../native/memory.js';
import type { AuthRules } from '../brick/auth.js';
import type { Brick } from '../brick/brick.js';
import type { ClientIdentity } from '../brick/client.js';
import { SubdirMissing } from '../brick/client-registry.js';
import type { Handover } from '../handshake/handshake.js';
import { acceptedReply, encodeSetvolumeReply } from '../handshake/setvolume-reply.js';
import { openSession, type Session } from '../session/session.js';
import { setKeepalive, setWindow } from '../transport/socket-options.js';
import { XdrWriter } from '../wire/xdr.js';
import { Dict } from '../xlator/dict.js';

export interface AdmittingBrick {
  readonly brick: Brick;
  /** Rules that have changed while the brick runs: a connection may have been let in by those before. */
  readonly auth: AuthRules | null;
}

/** Takes over a connection whose handshake is done but for its answer. serving: undefined if its brick has gone. */
export async function adopt(serving: AdmittingBrick | undefined, handover: Handover): Promise<void> {
  if (!addon.takeFd(handover.fd, handover.ticket)) return;
  if (serving === undefined) {
    addon.closeFd(handover.fd);
    return;
  }
  const { brick } = serving;
  const { name } = brick;
  const { identity } = handover;
  if (brick.withheld !== '') {
    refuseAndClose(handover, EAGAIN, brick.withheld);
    return;
  }
  if (!(await admits(serving, identity))) {
    brick.log.error(115034, `Cannot authenticate client from ${identity.uid} ${identity.version}`);
    refuseAndClose(handover, EACCES, 'Authentication failed');
    return;
  }
  const { keepalive, windowBytes } = brick.rules;
  const refused = [...setKeepalive(handover.fd, keepalive), ...setWindow(handover.fd, windowBytes)];
  if (refused.length > 0)
    brick.log.warning(0, `connection of ${identity.peer}: the kernel refuses ${refused.join(', ')}`);
  let session: Session;
  try {
    session = await openSession(brick, identity, handover.fd);
  } catch (error) {
    if (error instanceof SubdirMissing) {
      brick.log.error(115030, `${error.message}: errno ${error.errno}`);
      refuseAndClose(handover, error.errno, error.message);
      return;
    }
    brick.log.error(115030, `${name}: the connection of ${identity.uid} is refused: ${String(error)}`);
    addon.closeFd(handover.fd);
    return;
  }
  // From here on the descriptor is the session's.
  if (!(await admits(serving, identity))) {
    session.connection.close('authorisation withdrawn');
    return;
  }
  if (session.connection.closed) return;
  try {
    encodeSetvolumeReply(session.connection.writer(), handover.xid, 0, 0, acceptedReply(handover.reply));
    session.connection.queued(null, 0);
    brick.log.info(
      115029,
      `accepted client from ${identity.uid} (version: ${identity.version}) with subvol ${brick.name}`,
    );
    session.connection.inject(handover.rest);
  } catch (error) {
    brick.log.error(115030, `${name}: the handshake of ${identity.uid} failed at its end: ${String(error)}`);
    session.connection.close('handshake failed');
  }
}

/** Whether the rules in effect, not only those of the handshake, let a client in. */
async function admits(serving: AdmittingBrick, identity: ClientIdentity): Promise<boolean> {
  for (let rules = serving.auth; rules !== null; ) {
    if (!(await rules.check(identity.auth)).accepted) return false;
    if (rules === serving.auth) return true;
    rules = serving.auth;
  }
  return true;
}

/** Answers a handshake that failed at the last step, and closes: the client starts over. */
function refuseAndClose(handover: Handover, errno: number, text: string): void {
  const w = new XdrWriter(region(4096));
  encodeSetvolumeReply(w, handover.xid, -1, errno, new Dict().setText('ERROR', text).setUint('child_up', 1));
  addon.sendv(handover.fd, Float64Array.of(w.region.address, w.at), 1);
  w.region.release();
  addon.shutdown(handover.fd, 1);
  addon.closeFd(handover.fd);
}
