/** Option `trace`: requests for locks and their outcome, in the brick's log. */
import { type DomainLogger, Severity } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import type {
  EntrylkArgs,
  FentrylkArgs,
  FinodelkArgs,
  Flock,
  InodelkArgs,
  LkArgs,
  MaybePromise,
} from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { EAGAIN, errnoName } from '../../../../native/errno.js';
import { ownerText, typeText } from './lock-text.js';

const COMMANDS = ['GETLK', 'SETLK', 'SETLKW', 'RESLK_LCK', 'RESLK_LCKW', 'RESLK_UNLCK', 'GETLK_FD'];
const ENTRY_COMMANDS = ['LOCK', 'UNLOCK', 'LOCK_NB'];

interface Places {
  asked: string;
  blocked: string;
  answered: string;
}
const PLACES: Places = { asked: 'pl_trace_in', blocked: 'pl_trace_block', answered: 'pl_trace_out' };
const ENTRY_PLACES: Places = {
  asked: 'entrylk_trace_in',
  blocked: 'entrylk_trace_block',
  answered: 'entrylk_trace_out',
};

export class LockTrace {
  readonly #log: DomainLogger;
  #frames = 0;

  constructor(log: DomainLogger) {
    this.#log = log;
  }

  lk<R>(call: Call, args: LkArgs, run: () => MaybePromise<R>): MaybePromise<R> {
    const { fd, cmd, flock } = args;
    const text = `lock=FCNTL, ${requestText(cmd, flock)}, lk-owner=${ownerText(call.lkOwner)}`;
    return this.#trace(PLACES, call, lockeeText(fd.inode, fd), text, run);
  }

  inodelk<R>(call: Call, args: InodelkArgs | FinodelkArgs, run: () => MaybePromise<R>): MaybePromise<R> {
    const { cmd, flock, domain } = args;
    const text = `lock=INODELK, ${requestText(cmd, flock)}, domain: ${domain}`;
    return this.#trace(PLACES, call, lockeeOf(args), text, run);
  }

  entrylk<R>(call: Call, args: EntrylkArgs | FentrylkArgs, run: () => MaybePromise<R>): MaybePromise<R> {
    const { cmd, type, name, domain } = args;
    const command = ENTRY_COMMANDS[cmd] ?? 'UNKNOWN';
    const basename = name === '' ? '(null)' : name;
    const text = `lock=ENTRYLK, cmd=${command}, type=${typeText(type)}, basename=${basename}, domain: ${domain}`;
    return this.#trace(ENTRY_PLACES, call, lockeeOf(args), text, run);
  }

  flush(call: Call, fd: Fd): void {
    this.#write(
      'pl_trace_flush',
      `[FLUSH] Locker = {${this.#lockerText(call)}} Lockee = {${lockeeText(fd.inode, fd)}}`,
    );
  }

  release(fd: Fd): void {
    this.#write('pl_trace_release', `[RELEASE] Lockee = {${lockeeText(fd.inode, fd)}}`);
  }

  #trace<R>(places: Places, call: Call, lockee: string, lock: string, run: () => MaybePromise<R>): MaybePromise<R> {
    const parties = `Locker = {${this.#lockerText(call)}} Lockee = {${lockee}} Lock = {${lock}}`;
    const verdict = (text: string): void => this.#write(places.answered, `[${text}] ${parties}`);
    const granted = (reply: R): R => {
      verdict('GRANTED');
      return reply;
    };
    const refused = (error: unknown): never => {
      const errno = error instanceof FopError ? error.errno : 0;
      verdict(errno === EAGAIN ? 'TRYAGAIN' : errnoName(errno));
      throw error;
    };
    this.#write(places.asked, `[REQUEST] ${parties}`);
    let reply: MaybePromise<R>;
    try {
      reply = run();
    } catch (error) {
      return refused(error);
    }
    if (!(reply instanceof Promise)) return granted(reply);
    this.#write(places.blocked, `[BLOCKED] ${parties}`);
    return reply.then(granted, refused);
  }

  #lockerText(call: Call): string {
    this.#frames++;
    const pid = BigInt.asUintN(64, BigInt(call.pid));
    return `Pid=${pid}, lk-owner=${ownerText(call.lkOwner)}, Client=${call.client.uid}, Frame=${this.#frames}`;
  }

  #write(what: string, text: string): void {
    this.#log.traced(Severity.info, what, text);
  }
}

const lockeeText = (inode: Inode, fd: Fd | null): string =>
  `gfid=${gfidText(inode.gfid)}, fd=${fd === null ? '(nil)' : fd.number}, path=${pathOf(inode)}`;

const lockeeOf = (args: { inode: Inode } | { fd: Fd }): string =>
  'fd' in args ? lockeeText(args.fd.inode, args.fd) : lockeeText(args.inode, null);

const requestText = (cmd: number, { type, start, len, pid }: Flock): string =>
  `cmd=${COMMANDS[cmd] ?? 'UNKNOWN'}, type=${typeText(type)}, start=${start}, len=${len}, pid=${pid}`;
