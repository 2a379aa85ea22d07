/**
 * Labels of bricks: host, peer, volume and subvolume as glusterd knows them. gluster-prometheus gets them from
 * glusterd's command line; here they are read from glusterd's files.
 */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import {
  type ByteString,
  bytesOfLatin1,
  bytesOfText,
  fsPath,
  latin1OfBytes,
  textOfBytes,
  textOfLatin1,
} from '../../../native/bytes.js';
import type { BrickSummary } from '../../brick-server.js';
import { labels } from './exposition.js';

/** Parts of labels, ready to stand between braces. */
export interface BrickLabels {
  /** Of brickd's own metrics. */
  own: string;
  /** Of gluster-prometheus's metrics of capacity. */
  capacity: string;
  /** Of its gluster_brick_up. */
  status: string;
  /** Of its metrics of profiles. */
  profile: string;
  /** Of its metrics of processes. */
  process: string;
  /** The sub-volume that it is part of, if that is known. */
  subvolume: { labels: string; dataBricks: number; arbiter: boolean } | undefined;
}

/** The part of a volume that a brick belongs to. */
interface Subvolume {
  name: string;
  /** How many bricks' worth of data it holds. */
  dataBricks: number;
  /** The brick has names only, no data. */
  arbiter: boolean;
}

interface Volume {
  modifiedMs: number;
  /** By "host:path" of bricks. */
  subvolumes: ReadonlyMap<string, Subvolume>;
}

const NO_SUBVOLUMES: ReadonlyMap<string, Subvolume> = new Map();

/** The host in a volfile id, which glusterd makes of volume, host and path; '' if it is of another form. */
export function hostOf(volfileId: string, volume: string, brick: ByteString): string {
  const path = `.${latin1OfBytes(brick).replace(/^\//, '').replaceAll('/', '-')}`;
  if (volume === '' || !volfileId.startsWith(`${volume}.`) || !volfileId.endsWith(path)) return '';
  return volfileId.slice(volume.length + 1, -path.length);
}

/** Sub-volumes, by "host:path" of their bricks, from the text of glusterd's file about the volume. */
export function subvolumesOf(volume: string, info: string): Map<string, Subvolume> {
  const values = new Map<string, string>();
  for (const line of info.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const count = (key: string): number => Number(values.get(key) ?? 0) || 0;
  const disperse = count('disperse_count');
  const replica = count('replica_count');
  const kind = disperse > 0 ? 'disperse' : replica > 1 ? 'replicate' : 'distribute';
  const size = Math.max(1, disperse, replica);
  const dataBricks = disperse > 0 ? disperse - count('redundancy_count') : 1;
  const arbiters = count('arbiter_count');
  const names = new Map<string, Subvolume>();
  for (const [key, value] of values) {
    const n = /^brick-(\d+)$/.exec(key);
    if (n === null) continue;
    const place = Number(n[1]);
    const name = `${volume}-${kind}-${Math.floor(place / size)}`;
    // The path's slashes are dashes here, as in volfile ids.
    names.set(value, { name, dataBricks, arbiter: place % size >= size - arbiters });
  }
  return names;
}

export class BrickNames {
  readonly #glusterd: string;
  readonly #clusterId: string;
  readonly #volumes = new Map<string, Volume>();
  #peerId = '';
  readonly #made = new Map<ByteString, { key: string; labels: BrickLabels }>();

  /** glusterd: its folder, /var/lib/glusterd. */
  constructor(clusterId: string, glusterd: string) {
    this.#clusterId = clusterId;
    this.#glusterd = glusterd;
  }

  /** Looks at what may have changed in glusterd's files. */
  async refresh(bricks: readonly BrickSummary[]): Promise<void> {
    if (this.#peerId === '') this.#peerId = await this.#readPeerId();
    const volumes = new Set(bricks.filter((b) => b.volfileId !== '' && b.volume !== '').map((b) => b.volume));
    await Promise.all([...volumes].map((v) => this.#refreshVolume(v)));
    for (const known of this.#volumes.keys()) if (!volumes.has(known)) this.#volumes.delete(known);
    if (this.#made.size <= bricks.length) return;
    const served = new Set(bricks.map((b) => b.brick));
    for (const known of this.#made.keys()) if (!served.has(known)) this.#made.delete(known);
  }

  async #readPeerId(): Promise<string> {
    try {
      return /^UUID=(\S+)$/m.exec(await readFile(`${this.#glusterd}/glusterd.info`, 'latin1'))?.[1] ?? '';
    } catch {
      return '';
    }
  }

  async #refreshVolume(volume: string): Promise<void> {
    const file = fsPath(bytesOfLatin1(`${bytesOfText(this.#glusterd)}/vols/${volume}/info`));
    try {
      const { mtimeMs } = await stat(file);
      if (this.#volumes.get(volume)?.modifiedMs === mtimeMs) return;
      const subvolumes = subvolumesOf(volume, await readFile(file, 'latin1'));
      this.#volumes.set(volume, { modifiedMs: mtimeMs, subvolumes });
    } catch {
      // Bricks without glusterd have none.
      this.#volumes.set(volume, { modifiedMs: -1, subvolumes: NO_SUBVOLUMES });
    }
  }

  labels(b: BrickSummary): BrickLabels {
    const host = hostOf(b.volfileId, b.volume, b.brick) || hostname();
    const dashed = latin1OfBytes(b.brick).replaceAll('/', '-');
    const subvolume = this.#volumes.get(b.volume)?.subvolumes.get(`${host}:${dashed}`);
    const key = `${b.volume} ${host} ${JSON.stringify(subvolume)} ${this.#peerId}`;
    const made = this.#made.get(b.brick);
    if (made?.key === key) return made.labels;
    const fresh = this.#make(textOfBytes(b.brick), textOfLatin1(b.volume), textOfLatin1(host), subvolume);
    this.#made.set(b.brick, { key, labels: fresh });
    return fresh;
  }

  #make(path: string, volume: string, host: string, part: Subvolume | undefined): BrickLabels {
    const cluster = { cluster_id: this.#clusterId };
    const peer = this.#peerId;
    const subvolume = textOfLatin1(part?.name ?? '');
    return {
      own: labels({ volume, brick_path: path }),
      capacity: labels({ ...cluster, host, id: '', brick_path: path, volume, subvolume }),
      status: labels({
        ...cluster,
        volume,
        hostname: host,
        brick_path: path,
        peer_id: peer,
        pid: String(process.pid),
      }),
      profile: labels({ ...cluster, volume, brick: `${host}:${path}`, host }),
      process: labels({ ...cluster, volume, peerid: peer, brick_path: path, name: 'glusterfsd' }),
      subvolume: part && { ...part, labels: labels({ ...cluster, volume, subvolume }) },
    };
  }
}
