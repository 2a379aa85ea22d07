/** A changelog above a brick that makes every change, for its tests. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ChangelogTranslator } from '../../../brickd/translators/features/changelog/changelog.js';
import { type Options, options as table } from '../../../brickd/translators/features/changelog/options.js';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, FakeBrick, FakeClient, gfidOf, statOf } from './harness.js';

const top = mkdtempSync(join(tmpdir(), 'changelog-'));
t.teardown(() => rmSync(top, { recursive: true }));
export const client = new FakeClient();
export const ROOT = '00000000-0000-0000-0000-000000000001';
export const TEXT_HEADER = 'GlusterFS Changelog | version: v1.2 | encoding : 2\n';

let bricks = 0;

export class Setup {
  readonly path: string;
  readonly journals: string;
  readonly brick = new FakeBrick();
  readonly gfid = gfidOf(77);
  t!: ChangelogTranslator;

  constructor(path = join(top, `b${++bricks}`)) {
    this.path = path;
    this.journals = join(path, 'changelogs');
    mkdirSync(path, { recursive: true });
  }

  options(given: Record<string, string> = {}): Options {
    const all = {
      changelog: 'on',
      'changelog-brick': this.path,
      'changelog-dir': this.journals,
      'rollover-time': '3600',
      ...given,
    };
    const texts = new Map(Object.entries(all).map(([key, value]) => [key, { value, line: 1 }]));
    return parseOptions(table, { name: 'v', line: 1, options: texts }).values as Options;
  }

  async start(given: Record<string, string> = {}, next: Partial<Fops> = {}): Promise<this> {
    const init = { name: 'v-changelog', type: 'features/changelog', options: this.options(given), brick: this.brick };
    this.t = new ChangelogTranslator({ ...init, slot: 0 }, this.path);
    const stat = statOf({ gfid: this.gfid });
    const made = () => Promise.resolve({ stat, preparent: stat, postparent: stat, xdata: null });
    const done = () => Promise.resolve({ pre: stat, post: stat, xdata: null });
    const lower = {
      create: async () => ({ ...(await made()), bind() {}, abandon() {} }),
      mkdir: made,
      mknod: made,
      symlink: made,
      link: made,
      unlink: async () => ({ preparent: stat, postparent: stat, xdata: null }),
      rmdir: async () => ({ preparent: stat, postparent: stat, xdata: null }),
      rename: async () => ({}),
      writev: async () => ({ ...(await done()), count: 3 }),
      setattr: done,
      truncate: done,
      setxattr: async () => ({ xdata: null }),
      ...next,
    };
    this.t.next = lower as unknown as Fops;
    await this.t.init();
    return this;
  }

  /** Records of the journal that is being written. */
  get current(): string {
    return readFileSync(join(this.journals, 'CHANGELOG'), 'latin1');
  }

  /** All journals that are complete, in order. */
  get complete(): string[] {
    return this.index.records.filter((r) => r.includes('/CHANGELOG.')).map((r) => readFileSync(r, 'latin1'));
  }

  get index(): { name: string; records: string[]; size: number } {
    const dir = join(this.journals, 'htime');
    const name = readdirSync(dir).sort().at(-1)!;
    const text = readFileSync(join(dir, name), 'latin1');
    return { name, records: text.split('\0').slice(0, -1), size: text.length };
  }

  /** Puts the journal away: a change of the encoding does so. */
  async roll(encoding: string): Promise<void> {
    await this.t.reconfigure(this.options({ encoding }));
  }

  readonly loc = (name: string) => ({ inode: null, parent: this.brick.root, name });
  readonly gfidReq = () => new Dict().setGfid('gfid-req', this.gfid);

  create(name: string, pid = 1000): Promise<unknown> {
    const args = { loc: this.loc(name), flags: 2, mode: 0o100644, umask: 0, pid, xdata: this.gfidReq() };
    return Promise.resolve(this.t.create(callOf(client, { pid, uid: 5, gid: 6 }), args));
  }
}
