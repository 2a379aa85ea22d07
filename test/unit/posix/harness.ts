/** A storage/posix translator on a directory of its own, with the inode table that a brick would give it. */
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type LogLine, Severity, setLogSink } from '../../../mux/base/log.js';
import { InodeTable } from '../../../mux/brick/inode-table.js';
import { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError } from '../../../mux/xlator/fop-error.js';
import type { CreateReply, EntryReply, Fops, LookupReply } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, isNullGfid } from '../../../mux/xlator/gfid.js';
import { type Client, Fd, Inode } from '../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../mux/xlator/translator.js';
import { bytesOfText } from '../../../native/bytes.js';
import { options } from '../../../posix/options.js';
import { PosixTranslator } from '../../../posix/translator.js';
import { requireOptions } from '../../../volfiles/options.js';

const quiet = { error() {}, warning() {}, info() {}, debug() {} };

export const client: Client = {
  id: 1,
  uid: 'test',
  opVersion: 100000,
  processName: 'test',
  peer: '127.0.0.1:1',
  alive: true,
  ctx: [],
  memory: null,
};

/** Times that the utime translator of clients asks to be set, by fop. */
export const NEW = 0b11111;
export const REMOVE = 0b11001;

export class Brick {
  readonly dir: string;
  readonly volumeId = randomUUID();
  /** Texts of what went wrong: lines of the log down to warnings, and why the brick failed. */
  readonly log: string[] = [];
  /** The same lines, as the log gets them. */
  readonly lines: LogLine[] = [];
  table!: InodeTable;
  /** Where the methods of this class enter: the translator, unless a test has put another one above it. */
  posix!: PosixTranslator;
  disk!: PosixTranslator;
  /** What the brick was told of its file system. */
  device = -1;
  /** Types of the translators that stand above. */
  readonly layers = new Set<string>();
  #stopped: Promise<void> | null = null;
  #clock = 1_700_000_000;

  constructor() {
    this.dir = mkdtempSync(join(process.env['POSIX_TEST_DIR'] ?? '/var/tmp', 'brickd-posix-'));
    execFileSync('setfattr', [
      '-n',
      'trusted.glusterfs.volume-id',
      '-v',
      `0x${this.volumeId.replaceAll('-', '')}`,
      this.dir,
    ]);
  }

  /** The translator's fops, whichever is started. */
  readonly storage = new Proxy({} as Fops, {
    get: (_none, fop: keyof PosixTranslator) => (this.disk[fop] as (() => unknown) | undefined)?.bind(this.disk),
  });
  context!: BrickContext;

  /** whole: with all that a new brick makes after it serves already. */
  async start(more: Record<string, string> = {}, whole = true): Promise<this> {
    const given = { directory: this.dir, 'volume-id': this.volumeId, ...more };
    const values = requireOptions(options, {
      name: 'v-posix',
      line: 1,
      options: new Map(Object.entries(given).map(([k, value]) => [k, { value, line: 1 }])),
    });
    this.table = new InodeTable(0, (inode) => this.disk.forget(inode));
    const note = (text: string) => void this.log.push(text);
    setLogSink({
      wants: (severity) => severity <= Severity.warning,
      write: (line) => {
        this.lines.push(line);
        note(line.text);
      },
    });
    const context: BrickContext = {
      name: bytesOfText(this.dir),
      log: quiet,
      root: this.table.root,
      hasLayer: (type) => this.layers.has(type),
      findInode: (key) => this.table.get(key),
      findChild: (parent, name) => this.table.child(parent, name),
      adoptInode: (gfid, mode) => this.table.intern(gfid, mode),
      learnName: (parent, name, gfid, mode) => this.table.link(parent, name, gfid, mode),
      namespaceOf: () => this.table.root,
      byItself: async (work, inode) => {
        const call = new Call(client, 0);
        if (inode !== undefined) call.hold(inode);
        try {
          return await work(call);
        } finally {
          call.end((fd) => this.disk.release(fd));
        }
      },
      storage: this.storage,
      upcall() {},
      guardChange: () => {},
      onDevice: (device) => void (this.device = device),
      diskHangs() {},
      limitCalls() {},
      fail: note,
      timer: (ms, repeat, run) => {
        const t = repeat ? setInterval(run, ms) : setTimeout(run, ms);
        t.unref();
        return () => clearTimeout(t);
      },
    };
    this.context = context;
    this.disk = new PosixTranslator({
      name: 'v-posix',
      type: 'storage/posix',
      options: values,
      brick: context,
      slot: 0,
    });
    this.posix = this.disk;
    await this.disk.init();
    this.#stopped = null;
    while (whole && this.posix.store.queue.pending > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    return this;
  }

  /** Until no call on the disk takes so long that everything goes to the pool. */
  async calm(): Promise<void> {
    while (!this.posix.store.inline) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.disk.fini();
    return this.#stopped;
  }

  remove(): void {
    // Trees may be too deep for paths.
    execFileSync('rm', ['-rf', this.dir]);
  }

  get root(): Inode {
    return this.table.root;
  }

  /** A call with a clock that ticks one second a call. */
  call(timeFlags = 0, uid = 0, gid = 0): Call {
    const c = new Call(client, 0);
    c.timeFlags = timeFlags;
    c.timeSec = ++this.#clock;
    c.timeNsec = 5;
    c.uid = uid;
    c.gid = gid;
    c.pid = 100;
    return c;
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  handle(gfid: Gfid): string {
    const h = Buffer.from(gfid).toString('hex');
    const text = `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
    return this.path('.glusterfs', h.slice(0, 2), h.slice(2, 4), text);
  }

  xattr(path: string, key: string): string | null {
    try {
      return execFileSync('getfattr', ['-h', '--absolute-names', '-e', 'hex', '-n', key, path], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
        .toString()
        .match(/=0x([0-9a-f]*)/)![1]!;
    } catch {
      return null;
    }
  }

  async lookup(parent: Inode, name: string, xdata: Dict | null = new Dict()): Promise<LookupReply & { inode: Inode }> {
    const known = this.table.child(parent, name) ?? null;
    const r = await this.posix.lookup(this.call(), { loc: { inode: known, parent, name }, gfid: null, xdata });
    // What has no gfid is no inode of the table.
    const { gfid, mode } = r.stat;
    const inode = isNullGfid(gfid) ? new Inode(gfid, gfidKey(gfid)) : this.table.link(parent, name, gfid, mode);
    return { ...r, inode };
  }

  async nameless(gfid: Gfid, xdata: Dict | null = new Dict()): Promise<LookupReply> {
    const inode = this.table.get(gfidKey(gfid)) ?? null;
    return this.posix.lookup(this.call(), { loc: { inode, parent: null, name: '' }, gfid, xdata });
  }

  async mkdir(parent: Inode, name: string, mode = 0o755, xdata = withGfid()): Promise<EntryReply & { inode: Inode }> {
    const r = await this.posix.mkdir(this.call(NEW), { loc: { inode: null, parent, name }, mode, umask: 0, xdata });
    return { ...r, inode: this.table.link(parent, name, r.stat.gfid, r.stat.mode) };
  }

  async mknod(
    parent: Inode,
    name: string,
    mode = 0o100644,
    xdata = withGfid(),
  ): Promise<EntryReply & { inode: Inode }> {
    const r = await this.posix.mknod(this.call(NEW), {
      loc: { inode: null, parent, name },
      mode,
      rdev: 0,
      umask: 0,
      xdata,
    });
    return { ...r, inode: this.table.link(parent, name, r.stat.gfid, r.stat.mode) };
  }

  async create(
    parent: Inode,
    name: string,
    flags = 0o302,
    xdata = withGfid(),
  ): Promise<CreateReply & { inode: Inode; fd: Fd }> {
    const known = this.table.child(parent, name) ?? null;
    const r = await this.posix.create(this.call(NEW), {
      loc: { inode: known, parent, name },
      flags,
      mode: 0o100640,
      umask: 0,
      pid: 1,
      xdata,
    });
    const inode = this.table.link(parent, name, r.stat.gfid, r.stat.mode);
    const fd = new Fd(inode, flags, client, 1);
    inode.fdCount++;
    inode.ref();
    r.bind(fd);
    return { ...r, inode, fd };
  }

  async unlink(parent: Inode, name: string, xdata: Dict | null = null) {
    const inode = this.table.child(parent, name) ?? null;
    const r = await this.posix.unlink(this.call(REMOVE), { loc: { inode, parent, name }, xflags: 0, xdata });
    this.table.unlink(parent, name);
    return r;
  }

  async rmdir(parent: Inode, name: string, flags = 0) {
    const inode = this.table.child(parent, name) ?? null;
    const r = await this.posix.rmdir(this.call(REMOVE), { loc: { inode, parent, name }, flags, xdata: null });
    this.table.unlink(parent, name);
    return r;
  }

  async rename(from: Inode, name: string, to: Inode, newName: string, xdata: Dict | null = null) {
    const inode = this.table.child(from, name)!;
    const victim = this.table.child(to, newName) ?? null;
    const r = await this.posix.rename(this.call(REMOVE), {
      oldLoc: { inode, parent: from, name },
      newLoc: { inode: victim, parent: to, name: newName },
      xdata,
    });
    if (victim !== inode) {
      if (victim !== null) this.table.unlink(to, newName);
      this.table.unlink(from, name);
      this.table.link(to, newName, inode.gfid, inode.type);
    }
    return r;
  }

  async opendir(inode: Inode): Promise<Fd> {
    const fd = new Fd(inode, 0, client, 1);
    await this.posix.opendir(this.call(), { inode, fd, xdata: null });
    return fd;
  }
}

export function newGfid(): Gfid {
  return Uint8Array.from(randomBytes(16));
}

export function withGfid(gfid = newGfid()): Dict {
  return new Dict().setGfid('gfid-req', gfid);
}

/** errno with which something fails; 0 when it doesn't. */
export async function errnoOf(run: () => unknown): Promise<number> {
  try {
    await run();
    return 0;
  } catch (error) {
    if (error instanceof FopError) return error.errno;
    throw error;
  }
}
