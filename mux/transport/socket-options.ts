/** Socket options of accepted connections, as glusterfsd sets them: no delay, keepalive, window sizes. */
import { addon } from '../../native/addon.js';
import {
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_RCVBUF,
  SO_SNDBUF,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from '../../native/linux.js';

/** After which time a peer that says nothing any more counts as gone, with its locks and open files. */
export interface KeepaliveOptions {
  /** Whether silent peers are probed at all. */
  on: boolean;
  /** Silence before the first probe. */
  idleSec: number;
  intervalSec: number;
  /** Unanswered probes that end the connection where there is no user timeout. */
  count: number;
  /** Time that sent data or probes may stay unanswered; 0: as the kernel has it. */
  userTimeoutSec: number;
}

/** What holds until the brick that a connection wants is known, whose options then hold. */
const STOCK: KeepaliveOptions = { on: true, idleSec: 20, intervalSec: 2, count: 9, userTimeoutSec: 42 };

export function setHandshakeOptions(fd: number): void {
  addon.setSockOpt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setKeepalive(fd, STOCK);
}

/** Names of the settings that the kernel did not take; they stay as they were. */
export function setKeepalive(fd: number, o: KeepaliveOptions): string[] {
  const refused: string[] = [];
  const set = (what: string, level: number, name: number, value: number): void => {
    if (addon.setSockOpt(fd, level, name, value) < 0) refused.push(`${what} ${value}`);
  };
  set('keepalive', SOL_SOCKET, SO_KEEPALIVE, o.on ? 1 : 0);
  set('tcp-user-timeout', IPPROTO_TCP, TCP_USER_TIMEOUT, o.on ? o.userTimeoutSec * 1000 : 0);
  if (!o.on) return refused;
  set('keepalive-time', IPPROTO_TCP, TCP_KEEPIDLE, o.idleSec);
  set('keepalive-interval', IPPROTO_TCP, TCP_KEEPINTVL, o.intervalSec);
  set('keepalive-count', IPPROTO_TCP, TCP_KEEPCNT, o.count);
  return refused;
}

/** Bounds what the kernel buffers each way of a connection, and with it the window of TCP; 0: as the kernel has it. */
export function setWindow(fd: number, bytes: number): string[] {
  if (bytes === 0) return [];
  const refused = [SO_RCVBUF, SO_SNDBUF].some((name) => addon.setSockOpt(fd, SOL_SOCKET, name, bytes) < 0);
  return refused ? [`tcp-window-size ${bytes}`] : [];
}
