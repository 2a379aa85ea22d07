/**
 * The state of files under file-level WORM, as their xattrs have it, and its transitions:
 *
 *   created ── its descriptor is closed ──> committed ── left alone for the auto-commit period, or chmod to read-only ──> retained
 *   retained ── its access time has come ──> WORM only: still unchangeable, but may be deleted where the volume allows that
 *
 * Nothing happens by itself: a state changes when a fop asks for it. Xattrs are read again for each question, since healing,
 * rebalance and administrators change them as well.
 */
import type { Logger } from '../../../../mux/base/log.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import type { LookupReply, MaybePromise } from '../../../../mux/xlator/fops.js';
import { Iatt, SetAttr } from '../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { ENOENT, ESTALE } from '../../../../native/errno.js';
import { S_IFDIR } from '../../../../native/linux.js';
import { SerialByKey } from '../../serial-by-key.js';
import type { Options } from './options.js';
import { parseRetention, type Retention, retentionText } from './retention.js';

/** Seconds since the epoch at which the file was made, as text. Files without it are not under WORM. */
const START_TIME = 'trusted.start_time';
/** The descriptor that made the file has been closed. */
const COMMITTED = 'trusted.worm_file';
const RETENTION = 'trusted.reten_state';
const QUESTIONS = new Dict().setInt(START_TIME, 0).setInt(COMMITTED, 0).setInt(RETENTION, 0);

export interface WormFile {
  stat: Iatt;
  startTime: number | undefined;
  committed: boolean;
  /** Null: it has not entered retention. 'malformed': its xattr makes no sense. */
  retention: Retention | null | 'malformed';
}

export class WormFiles {
  readonly #layer: Translator<Options>;
  readonly #log: Logger;
  /** Changes of state in progress, by gfid key: those of one file run one at a time. */
  readonly #changing = new SerialByKey();
  readonly #now: () => number;

  /** now: seconds since the epoch. */
  constructor(layer: Translator<Options>, log: Logger, now = (): number => Math.floor(Date.now() / 1000)) {
    this.#layer = layer;
    this.#log = log;
    this.#now = now;
  }

  get now(): number {
    return this.#now();
  }

  /** All changes of state that have begun are made. */
  settled(): Promise<void> {
    return this.#changing.settled();
  }

  /** Runs what changes a file's state, after all that does so already. */
  exclusively<R>(inode: Inode, work: () => Promise<R>): Promise<R> {
    return this.#changing.run(inode.key, work);
  }

  /** Whether a file may be changed now, or unlinked. A committed file that has been left alone long enough enters retention by it. */
  allows(inode: Inode, unlinking: boolean): MaybePromise<boolean> {
    if (inode.type === S_IFDIR) return true;
    const changing = this.#changing.underWay(inode.key);
    if (changing !== undefined) return changing.then(() => this.allows(inode, unlinking));
    return this.read(inode).then((file) => {
      const answer = this.#judge(file, unlinking);
      if (answer !== null) return answer;
      return this.exclusively(inode, async () => {
        const current = await this.read(inode);
        const judged = this.#judge(current, unlinking);
        if (judged !== null || current === null) return judged ?? true;
        const { retention } = current;
        if (retention === null) await this.retain(inode, current);
        else if (retention !== 'malformed') await this.#expire(inode, current, retention);
        return this.#judge(await this.read(inode), unlinking) ?? false;
      });
    });
  }

  /** Null: its state changes first. file: null if there is none any more. */
  #judge(file: WormFile | null, unlinking: boolean): boolean | null {
    if (file?.committed !== true) return true;
    const { retention, startTime, stat } = file;
    // Committed, and not known since when: nothing says that it may be changed.
    if (startTime === undefined || retention === 'malformed') return false;
    const { now } = this;
    if (retention === null) {
      const period = this.#layer.options['auto-commit-period'];
      return now - startTime >= period && now - stat.mtime >= period ? null : true;
    }
    if (retention.retained) return now >= stat.atime ? null : false;
    return unlinking && retention.worm && this.#layer.options['worm-files-deletable'];
  }

  /** The state of a file; null: nothing has the gfid any more. */
  read(inode: Inode): Promise<WormFile | null> {
    const { brick, next } = this.#layer;
    const loc = { inode, parent: null, name: '' };
    return brick.byItself(async (call) => {
      try {
        return this.#fileOf(inode, await next.lookup(call, { loc, gfid: inode.gfid, xdata: QUESTIONS }));
      } catch (error) {
        if (error instanceof FopError && (error.errno === ENOENT || error.errno === ESTALE)) return null;
        throw error;
      }
    }, inode);
  }

  #fileOf(inode: Inode, { stat, xdata }: LookupReply): WormFile {
    const committed = xdata?.has(COMMITTED) === true;
    const text = xdata?.text(RETENTION);
    const retention = text === undefined ? null : (parseRetention(text) ?? 'malformed');
    if (retention === 'malformed' && committed) {
      const what = `${pathOf(inode)}: ${RETENTION} is '${text}', which is no state: the file cannot be changed`;
      this.#log.debug(0, `${this.#layer.brick.name}: ${what}`);
    }
    return { stat, startTime: xdata?.number(START_TIME), committed, retention };
  }

  /** The file has just been made under WORM. */
  created(inode: Inode): Promise<void> {
    return this.#set(inode, new Dict().setUint(START_TIME, this.now));
  }

  /**
   * No descriptor that made the file is open any more. made: one has been; else the file is committed only if it was made under
   * WORM before the brick went down, and its writer has gone on since.
   */
  commit(inode: Inode, made: boolean): Promise<void> {
    return this.exclusively(inode, async () => {
      const file = await this.read(inode);
      if (file === null || file.committed || (file.startTime === undefined && !made)) return;
      const dict = new Dict().setInt(COMMITTED, 1);
      if (file.startTime === undefined) dict.setUint(START_TIME, this.now);
      await this.#set(inode, dict);
      file.committed = true;
      file.startTime ??= this.now;
      if (file.retention === null && this.#judge(file, false) === null) await this.retain(inode, file);
    });
  }

  /** Has a file enter retention, or begin it again. Never ends one earlier than it would. Returns when it ends. */
  async retain(inode: Inode, file: WormFile): Promise<number> {
    const o = this.#layer.options;
    const periodSec = o['default-retention-period'];
    const until = this.now + periodSec;
    const before = file.retention;
    const running = before !== null && before !== 'malformed' && before.retained && file.stat.atime > this.now;
    if (running && file.stat.atime >= until) return file.stat.atime;
    const retention: Retention = {
      worm: true,
      retained: true,
      legalHold: running && before.legalHold,
      enterprise: o['retention-mode'] === 'enterprise' || (running && before.enterprise),
      periodSec,
      autoCommitSec: o['auto-commit-period'],
    };
    // Should the brick end in between, the file has no state yet, and enters retention the next time.
    await this.#setAtime(inode, until);
    await this.write(inode, retention);
    return until;
  }

  async #expire(inode: Inode, file: WormFile, retention: Retention): Promise<void> {
    await this.write(inode, { ...retention, retained: false, periodSec: 0, autoCommitSec: 0 });
    await this.#setAtime(inode, file.stat.atime - retention.periodSec);
    this.#log.debug(0, `${pathOf(inode)}: its retention has ended`);
  }

  write(inode: Inode, retention: Retention): Promise<void> {
    return this.#set(inode, new Dict().setText(RETENTION, retentionText(retention)));
  }

  async #set(inode: Inode, dict: Dict): Promise<void> {
    const { brick, next } = this.#layer;
    await brick.byItself(async (call) => next.setxattr(call, { inode, dict, flags: 0, xdata: null }), inode);
  }

  async #setAtime(inode: Inode, atime: number): Promise<void> {
    const { brick, next } = this.#layer;
    const stat = Object.assign(new Iatt(), { atime });
    await brick.byItself(async (call) => next.setattr(call, { inode, stat, valid: SetAttr.atime, xdata: null }), inode);
  }
}
