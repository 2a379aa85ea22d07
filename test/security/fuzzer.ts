/**
 * Seeded fops of a hostile client: every fop of the table with arguments that are plausible, at a border, or wrong.
 *
 * The attacker is uid 1000 without login; as uid 0 it works in a directory of its own alone, since Gluster believes a
 * client's uid and root may remove anything. What would be an honest client's right and only take long or fill the disk
 * (fallocate of a terabyte) is left out.
 */

import { codecOf } from '../../mux/fops/codecs.js';
import { Dict, DictType } from '../../mux/xlator/dict.js';
import { FOP_PROGRAM, FOP_VERSION, FOPS, type FopEntry, type TableName } from '../../mux/xlator/fop-table.js';
import { Iatt } from '../../mux/xlator/iatt.js';
import {
  callRecord,
  encodeRequest,
  keyOf,
  NULL_KEY,
  newKey,
  RawClient,
  ROOT_KEY,
  type Who,
  words,
} from '../support/raw-client.js';

export type Random = (below: number) => number;

/** Reproducible numbers (mulberry32), below `n`. */
export function seeded(seed: number): Random {
  let a = seed;
  return (n) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  };
}

/** Files and directories that the attacker knows by gfid. */
const MAX_KNOWN = 200;
const EVIL_NAMES = [
  '',
  '.',
  '..',
  '/',
  'a/b',
  '../x',
  'a\0b',
  'n'.repeat(255),
  'n'.repeat(256),
  '\n',
  '\xff\xfe',
  '.glusterfs',
  'indices',
  '.trashcan',
];
const BORDERS = [0, 1, 2, 255, 256, 4095, 4096, 65535, 65536, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const FAR = [2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64 - 2048];
/** As bytes to move or to reserve: small, or so large that it must be refused. */
const LENGTHS = [0, 1, 511, 512, 4096, 65536, 2 ** 20, 2 ** 53, 2 ** 63, 2 ** 64 - 2048];
/** Fops that take space for the asking. */
const FILLS: ReadonlySet<TableName> = new Set(['fallocate', 'zerofill']);
const RESERVED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13].map((n) => `${'\0'.repeat(15)}${String.fromCharCode(n)}`);
const KEYS = [
  'gfid-req',
  'glusterfs-internal-fop',
  'force-replace',
  'gfidless-lookup',
  'unlinked-lookup',
  'glusterfs.clean.writexattr',
  'trusted.glusterfs.protect.writes',
  'glusterfs.avoid.overwrite',
  'glusterfs.write-is-append',
  'glusterfs.write-update-atomic',
  'trusted.glusterfs.durable-op',
  'dht-get-mode-in-xattr',
  'batch-fsync',
  'check-zero-filled',
  'buf-has-zeroes',
  'fips-mode-rchecksum',
  'set-ctime-mdata',
  'sync_backend_xattrs',
  'trusted.io-stats-dump',
  'trusted.glusterfs.node-uuid',
  'glusterfs.get_real_filename:x',
  'trusted.glusterfs.get-signature',
  'trusted.bit-rot.version',
  'trusted.bit-rot.signature',
  'trusted.glusterfs.bit-rot.size',
  'glusterfs.gfid2path',
  'glusterfs.gfidtopath',
  'glusterfs.preop.parent.key',
  'get-link-count',
  'gf_request_link_count',
  'dont-unlink-for-open-fd',
  'unlink-only-if-dht-linkto-file',
  'dht-get-iatt-in-xattr',
  'virt-gf-poststat',
  'virt-gf-prestat',
  'glusterfs.content',
  'glusterfs.open-fd-count',
  'glusterfs.open-active-fd-count',
  'glusterfs.ancestry.path',
  'glusterfs.ancestry.dentry',
  'get-size',
  'list-xattr',
  'readdir-filter-directories',
  'glusterfs.posix.acl',
  'glusterfs.posix.default_acl',
  'system.posix_acl_access',
  'system.posix_acl_default',
  'glusterfs.internal-ctx',
  'trusted.glusterfs.pathinfo',
  'glusterfs.pathinfo',
  'glusterfs.entrylk-count',
  'glusterfs.inodelk-count',
  'glusterfs.posixlk-count',
  'glusterfs.parent-entrylk',
  'glusterfs.inodelk-dom-count',
  'glusterfs.inodelk-dom-prefix',
  'glusterfs.multi-dom-lk-cnt-req',
  'glusterfs.lk.lkmode',
  'glusterfs.lock-migration-meta-lock',
  'glusterfs.lock-migration-meta-unlock',
  'trusted.glusterfs.lockinfo',
  'trusted.glusterfs.enforce-mandatory-lock',
  'glusterfs.intrlk.x',
  'glusterfs.clrlk.tinode.kall',
  'glusterfs.xattrop-entry-create',
  'glusterfs.xattrop-entry-delete',
  'glusterfs.xattrop-purge-index',
  'glusterfs.xattrop_index_gfid',
  'glusterfs.xattrop_dirty_gfid',
  'glusterfs.xattrop_entry_changes_gfid',
  'glusterfs.xattrop_index_count',
  'glusterfs.xattrop_dirty_count',
  'glusterfs.index-ia-type-get-req',
  'link-count',
  'trusted.afr.v-client-0',
  'trusted.afr.dirty',
  'trusted.ec.version',
  'trusted.ec.size',
  'trusted.gfid',
  'trusted.gfid2path.0123456789abcdef',
  'trusted.pgfid.x',
  'trusted.glusterfs.mdata',
  'trusted.glusterfs.volume-id',
  'trusted.glusterfs.dht',
  'trusted.glusterfs.dht.linkto',
  'trusted.glusterfs.quota.size',
  'trusted.glusterfs.cs.status',
  'trusted.glusterfs.cs.repair',
  'trusted.glusterfs.csou.complete',
  'security.capability',
  'security.selinux',
  'user.x',
  'user.*',
  'trusted.*',
  '*',
  'user.swift.metadata',
  'system.x',
  '',
  '\n',
];

export interface Attack {
  fop: FopEntry;
  who: Who;
  args: Buffer;
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

export class Fuzzer {
  readonly #random: Random;
  /** Any gfid that was seen: targets as uid 1000. */
  readonly known: string[] = [ROOT_KEY, NULL_KEY, ...RESERVED];
  /** Below the attacker's own directory: targets as uid 0. */
  readonly #own: string[];
  readonly #fds: number[] = [];
  readonly #directories: string[];

  /** arena: gfid of a directory that the attacker owns. */
  constructor(random: Random, arena: string) {
    this.#random = random;
    this.#own = [arena];
    this.#directories = [arena];
    this.known.push(arena);
  }

  /** The connection is a new one: fds of the old one have gone. */
  reconnected(): void {
    this.#fds.length = 0;
  }

  next(): Attack {
    const random = this.#random;
    const fop = pick(random, FOPS);
    const root = random(4) === 0;
    const who = this.#who(root);
    const fields: Record<string, unknown> = {};
    for (const field of codecOf(fop.name).request.fieldNames) fields[field] = this.#field(fop.name, field, root);
    let args: Buffer;
    try {
      args = encodeRequest(fop.name, fields);
    } catch {
      // A value that brickd's own encoder refuses: the defaults then, and changed bytes.
      args = this.#mutate(encodeRequest(fop.name));
    }
    // As root, bytes changed at random might hit somebody else's file; a length so changed might fill the disk.
    if (!root && !FILLS.has(fop.name) && random(6) === 0) args = this.#mutate(args);
    if (fop.payload === 'request')
      args = Buffer.concat([args, Buffer.alloc(pick(random, [0, 1, 512, 4096, 70000]), 0x41)]);
    return { fop, who, args };
  }

  /** Learns gfids and fds from a successful answer. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of all fops
  learn(attack: Attack, rsp: any): void {
    if (rsp === null || rsp.op_ret < 0) return;
    const { name } = attack.fop;
    if (name === 'open' || name === 'opendir' || name === 'create') this.#keep(this.#fds, rsp.fd);
    const stat: Iatt | undefined =
      rsp.stat instanceof Iatt ? rsp.stat : rsp.prestat instanceof Iatt ? rsp.prestat : undefined;
    if (stat === undefined || stat.mode === 0) return;
    const key = keyOf(stat.gfid);
    this.#keep(this.known, key);
    if (name !== 'mkdir' && name !== 'create' && name !== 'mknod' && name !== 'symlink') return;
    // Made by us: only the arena lets uid 1000 make anything.
    this.#keep(this.#own, key);
    if (stat.isDirectory) this.#keep(this.#directories, key);
  }

  #keep<T>(list: T[], value: T): void {
    if (list.includes(value)) return;
    if (list.length < MAX_KNOWN) list.push(value);
    else list[1 + this.#random(MAX_KNOWN - 1)] = value;
  }

  #who(root: boolean): Who {
    const random = this.#random;
    const who: Who = root
      ? { uid: 0, gid: 0, pid: pick(random, [4711, 1, -1, -3, -5, -6, -7, -14]) }
      : { uid: 1000, gid: pick(random, [1000, 0, 2 ** 32 - 1]), pid: 4711 };
    who.groups = pick(random, [[], [1000], [0, 1000], Array.from({ length: 60 }, (_, i) => i + 5000)]);
    if (root || random(8) !== 0) who.lkOwner = pick(random, ['raw!', '', 'x'.repeat(20)]);
    if (random(3) === 0) {
      const sec = pick(random, [
        0n,
        1n,
        1_700_000_000n,
        2n ** 31n,
        2n ** 32n,
        2n ** 53n,
        2n ** 62n,
        2n ** 63n,
        2n ** 64n - 1n,
      ]);
      who.time = { flags: random(64), sec, nsec: pick(random, [0, 5, 999_999_999, 1_000_000_000, 2 ** 32 - 1]) };
    }
    return who;
  }

  #number(): number {
    const random = this.#random;
    return random(3) === 0 ? pick(random, FAR) : random(2) === 0 ? pick(random, BORDERS) : random(100_000);
  }

  #name(): string {
    const random = this.#random;
    return random(5) === 0 ? pick(random, EVIL_NAMES) : `n${random(40)}`;
  }

  #gfid(field: string, root: boolean): string {
    const random = this.#random;
    if (random(20) === 0) return newKey();
    // Mostly a directory where an entry is to be made.
    if (field !== 'gfid' && random(3) !== 0) return pick(random, this.#directories);
    return pick(random, root ? this.#own : this.known);
  }

  // biome-ignore lint/suspicious/noExplicitAny: fields of all types
  #field(fop: TableName, field: string, root: boolean): any {
    const random = this.#random;
    if (field.includes('gfid')) return this.#gfid(field, root);
    switch (field) {
      case 'xdata':
      case 'dict':
        return this.#dict(root);
      case 'bname':
      case 'oldbname':
      case 'newbname':
        return this.#name();
      case 'name':
        return fop.includes('xattr') ? pick(random, KEYS) : this.#name();
      case 'linkname':
        return pick(random, ['n1', '/', '../../../../etc/passwd', 'x'.repeat(5000), '']);
      case 'volume':
        return pick(random, ['v-replicate-0', 'dht.layout.heal', '', 'd'.repeat(2000)]);
      case 'fd':
      case 'fd_in':
      case 'fd_out':
        return random(3) === 0
          ? -2
          : random(4) === 0
            ? pick(random, [-1, -3, 0, 1, 2 ** 20, 2 ** 31, 2 ** 40])
            : (this.#fds[random(this.#fds.length || 1)] ?? -2);
      case 'stbuf':
        return this.#iatt();
      case 'flock':
        return {
          type: random(4),
          whence: random(3),
          start: BigInt(this.#number()),
          len: BigInt(this.#number()),
          pid: random(3),
          lk_owner: pick(random, ['raw!', '', 'y'.repeat(30)]),
        };
      case 'lease':
        return { cmd: random(5), lease_type: random(4), lease_id: new Uint8Array(16), lease_flags: random(4) };
      case 'request':
        return [];
      case 'offset':
      case 'off_in':
      case 'off_out':
        return fop === 'readdir' || fop === 'readdirp' ? BigInt(this.#number()) : this.#number();
      case 'size':
      case 'len':
        return fop === 'readv' ||
          fop === 'rchecksum' ||
          fop === 'readdir' ||
          fop === 'readdirp' ||
          fop === 'copyFileRange' ||
          fop === 'writev'
          ? pick(
              random,
              [0, 1, 512, 4096, 65536, 2 ** 20, 2 ** 20 + 1, 2 ** 31, 2 ** 32 - 1].slice(
                0,
                fop === 'copyFileRange' || fop === 'rchecksum' ? 7 : 9,
              ),
            )
          : pick(random, LENGTHS);
      case 'mode':
        return pick(random, [0o755, 0o644, 0, 0o7777, 0o10644, 0o20644, 0o60644, 0o100644, 0o140644, 2 ** 32 - 1]);
      case 'valid':
        return random(256);
      case 'cmd':
        return random(8);
      case 'flags':
        return pick(random, [
          0,
          1,
          2,
          0o1000,
          0o2000,
          0o100,
          0o300,
          0o40000,
          0o200000,
          2 ** 31,
          2 ** 32 - 1,
          random(2 ** 20),
        ]);
      case 'namelen':
        return random(4) === 0 ? 0 : 10;
      default:
        return random(2) === 0 ? random(8) : pick(random, BORDERS);
    }
  }

  #iatt(): Iatt {
    const random = this.#random;
    const stat = new Iatt();
    stat.mode = pick(random, [0o644, 0o755, 0o4755, 0o7777, 0o40777]);
    stat.uid = pick(random, [0, 1000, 2000, 2 ** 32 - 1]);
    stat.gid = pick(random, [0, 1000, 2000, 2 ** 32 - 1]);
    stat.size = this.#number();
    stat.atime = pick(random, [0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 62]);
    stat.mtime = pick(random, [0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 62]);
    stat.atimeNsec = pick(random, [0, 999_999_999, 10 ** 9, 2 ** 30 - 1, 2 ** 30 - 2, 2 ** 32 - 1]);
    stat.mtimeNsec = pick(random, [0, 999_999_999, 10 ** 9, 2 ** 30 - 1, 2 ** 30 - 2, 2 ** 32 - 1]);
    return stat;
  }

  #dict(root: boolean): Dict | null {
    const random = this.#random;
    if (random(3) === 0) return null;
    const dict = new Dict();
    for (let i = random(4); i >= 0; i--) {
      const key = pick(random, KEYS);
      if (key === 'gfid-req' && random(3) !== 0) {
        dict.setGfid(
          key,
          Uint8Array.from(Buffer.from(random(3) === 0 ? this.#gfid('gfid', false) : newKey(), 'latin1')),
        );
        continue;
      }
      // Root may say of any file what it likes by these: of its own only, and they do not take a gfid.
      if (root && key === 'trusted.gfid') continue;
      switch (random(7)) {
        case 0:
          dict.setText(key, this.#name());
          break;
        case 1:
          dict.setInt(key, pick(random, [0, 1, -1, 2 ** 31, 2 ** 52]));
          break;
        case 2:
          dict.setUint(key, pick(random, [0, 1, 4096, 2 ** 22, 2 ** 31, 2 ** 52]));
          break;
        case 3:
          dict.setGfid(key, Uint8Array.from(Buffer.from(this.#gfid('gfid', root), 'latin1')));
          break;
        case 4:
          dict.set(key, { type: DictType.double, value: 1e300 });
          break;
        case 5:
          dict.setIatt(key, this.#iatt());
          break;
        default:
          dict.setBytes(key, new Uint8Array(pick(random, [0, 1, 4, 8, 12, 16, 24, 300, 70000])).fill(random(3)));
      }
    }
    return dict;
  }

  #mutate(bytes: Buffer): Buffer {
    const random = this.#random;
    const changed = Buffer.from(bytes);
    for (let i = random(4); i >= 0 && changed.length > 4; i--) {
      const at = random(changed.length - 4);
      if (random(2) === 0) changed[at] = random(256);
      else changed.writeUInt32BE(pick(random, [0xffffffff, 0x7fffffff, 0x80000000, 0, 1, 400, 65536]), at & ~3);
    }
    return random(8) === 0 ? changed.subarray(0, random(changed.length)) : changed;
  }
}

/** Rubbish in the place of a record, from a connection of its own. */
export async function sendNoise(port: number, random: Random): Promise<void> {
  const client = await RawClient.connect(port);
  const kind = random(4);
  const noise = Buffer.from(Array.from({ length: 64 + random(4000) }, () => random(256)));
  if (kind === 0) client.send(noise);
  else if (kind === 1) client.send(words(0x80000000 + noise.length + 100), noise);
  else if (kind === 2) client.send(words(0x80000000 + noise.length), noise);
  else client.send(callRecord(1, FOP_PROGRAM, FOP_VERSION, random(70), { uid: 1000 }, noise));
  await new Promise((resolve) => setTimeout(resolve, 2));
  client.end();
}
