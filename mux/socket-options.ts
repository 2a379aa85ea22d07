/** Options of an accepted connection, as stock sets them: no delay, and dead peers found out. */
import { addon } from '../native/addon.js';

const IPPROTO_TCP = 6;
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;

export interface KeepaliveOptions {
  idleSec: number;
  intervalSec: number;
  count: number;
  userTimeoutSec: number;
}

const STOCK: KeepaliveOptions = { idleSec: 20, intervalSec: 2, count: 9, userTimeoutSec: 42 };

export function setKeepalive(fd: number, o: KeepaliveOptions = STOCK): void {
  addon.setSockOpt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  addon.setSockOpt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  addon.setSockOpt(fd, IPPROTO_TCP, TCP_KEEPIDLE, o.idleSec);
  addon.setSockOpt(fd, IPPROTO_TCP, TCP_KEEPINTVL, o.intervalSec);
  addon.setSockOpt(fd, IPPROTO_TCP, TCP_KEEPCNT, o.count);
  if (o.userTimeoutSec > 0) addon.setSockOpt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o.userTimeoutSec * 1000);
}
