/**
 * Accepts connections of a listening socket. When descriptors run out, new connections wait in the kernel's queue:
 * accept is tried again after a while, and the log says once when that begins and once when it ends.
 */
import { addon, type Poller } from '../../native/addon.js';
import { EAGAIN, ECONNABORTED, EINTR, EPERM, EPROTO, errnoName } from '../../native/errno.js';
import { READINESS } from '../../native/layout.js';
import { descriptorShortage } from '../base/descriptor-reserve.js';
import type { Logger } from '../base/log.js';

/** Connections accepted per turn: a storm of them must not starve the rest. */
const ACCEPTS_PER_TURN = 64;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/** Answers that speak of the one connection that would have been next. */
const OF_THAT_CONNECTION: ReadonlySet<number> = new Set([ECONNABORTED, EINTR, EPERM, EPROTO]);

export class AcceptLoop {
  readonly #fd: number;
  readonly #poller: Poller;
  readonly #take: (fd: number) => void;
  readonly #log: () => Logger;
  #timer: NodeJS.Timeout | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  /** Since when nothing could be accepted, by performance.now; 0: that is not so. */
  #pausedSinceMs = 0;

  /** fd: a listening socket, which this closes. take: gets the descriptor of each connection. */
  constructor(fd: number, take: (fd: number) => void, log: () => Logger) {
    this.#fd = fd;
    this.#take = take;
    this.#log = log;
    this.#poller = addon.poll(fd, () => this.#accept());
    this.#poller.set(READINESS.readable);
  }

  #accept(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      const shortage = descriptorShortage();
      if (shortage !== null) {
        this.#pause(shortage);
        return;
      }
      const fd = addon.accept(this.#fd);
      if (fd === -EAGAIN) return;
      if (fd >= 0) {
        this.#resumed();
        this.#take(fd);
      } else if (!OF_THAT_CONNECTION.has(-fd)) {
        this.#pause(errnoName(-fd));
        return;
      }
    }
  }

  #pause(cause: string): void {
    if (this.#pausedSinceMs === 0) {
      this.#pausedSinceMs = performance.now();
      const text = `no connections are accepted for now: ${cause}; new clients wait until descriptors become free`;
      this.#log().error(0, `${text} (the limit is that of open files of the process, as set for glusterd)`);
    }
    this.#poller.set(0);
    // Not unref'd: a socket that nobody watches does not keep the process alive, and a server must not end for want of descriptors.
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#poller.set(READINESS.readable);
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #resumed(): void {
    if (this.#pausedSinceMs === 0) return;
    const seconds = Math.round((performance.now() - this.#pausedSinceMs) / 1000);
    this.#pausedSinceMs = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#log().info(0, `connections are accepted again, after ${seconds} s`);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#poller.close();
    addon.closeFd(this.#fd);
  }
}
