/**
 * Finds out which bricks should run on this node: those of started volumes and activated snapshots in glusterd's
 * records. Records that cannot be read never make a brick vanish: the last known state stays, and the problem is
 * reported.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import {
  type ByteString,
  bytesOfLatin1,
  bytesOfText,
  fsPath,
  latin1OfBytes,
  textOfLatin1,
} from '../../../native/bytes.js';

export interface ExpectedBrick {
  /** Names and paths are byte strings' text: {@link path} identifies the brick on its node. */
  volume: string;
  host: string;
  path: ByteString;
  /** Snapshot that it is a brick of; '' for a brick of a volume. */
  snapshot: string;
  /** Where glusterd has its process id written. */
  pidFile: ByteString;
  /** Its volfile, as glusterd serves it. */
  volfile: ByteString;
}

export interface GlusterdRecords {
  /** UUID of this node; '' while it is not known. */
  nodeId: string;
  bricks: ExpectedBrick[];
  /** What cannot be read or understood: a line each. */
  problems: string[];
}

/** Bricks of a node at most; further ones are a problem that is told. */
const MOST_BRICKS = 16_384;
const STARTED = '1';

interface VolumeRecord {
  /** State of the file that this comes from. */
  state: string;
  bricks: ExpectedBrick[];
  problems: string[];
}

/** Of a volume's folder. */
interface Place {
  folder: string;
  volume: string;
  snapshot: string;
  /** The folder above cannot be read: what was known stays. */
  kept: boolean;
}

interface Names {
  names: string[];
  kept: boolean;
}

/** `key=value` lines. */
export function valuesOf(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return values;
}

const pathOf = (latin1: string): Buffer => fsPath(bytesOfLatin1(latin1));
const read = (latin1: string): Promise<string> => readFile(pathOf(latin1), 'latin1');
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

export class GlusterdFiles {
  /** As byte strings' text. */
  readonly #glusterd: string;
  readonly #run: string;
  #nodeId = '';
  #volumes = new Map<string, VolumeRecord>();

  /** glusterd: its folder; run: the folder of its pid files. */
  constructor(glusterd = '/var/lib/glusterd', run = '/run/gluster') {
    this.#glusterd = latin1OfBytes(bytesOfText(glusterd));
    this.#run = latin1OfBytes(bytesOfText(run));
  }

  async read(): Promise<GlusterdRecords> {
    const problems: string[] = [];
    await this.#readNodeId(problems);
    const places = await this.#places(problems);
    const known = this.#volumes;
    const volumes = new Map<string, VolumeRecord>();
    const bricks: ExpectedBrick[] = [];
    for (const place of places) {
      const record = await this.#volume(place, known.get(place.folder));
      if (record === undefined) continue;
      volumes.set(place.folder, record);
      problems.push(...record.problems);
      bricks.push(...record.bricks);
    }
    this.#volumes = volumes;
    if (bricks.length > MOST_BRICKS) {
      problems.push(`there are ${bricks.length} bricks: those beyond ${MOST_BRICKS} are not watched`);
      bricks.length = MOST_BRICKS;
    }
    return { nodeId: this.#nodeId, bricks, problems };
  }

  async #readNodeId(problems: string[]): Promise<void> {
    const file = `${this.#glusterd}/glusterd.info`;
    try {
      const id = valuesOf(await read(file)).get('UUID');
      if (id === undefined || id === '') throw new Error('it has no UUID');
      if (id === this.#nodeId) return;
      // Which bricks are this node's depends on it.
      this.#nodeId = id;
      this.#volumes.clear();
    } catch (error) {
      problems.push(`${textOfLatin1(file)}: ${(error as Error).message}`);
    }
  }

  /** Folders of volumes and of snapshots' volumes. */
  async #places(problems: string[]): Promise<Place[]> {
    const places: Place[] = [];
    const volumes = `${this.#glusterd}/vols`;
    const own = await this.#names(volumes, true, problems);
    for (const volume of own.names) {
      places.push({ folder: `${volumes}/${volume}`, volume, snapshot: '', kept: own.kept });
    }
    const snapshots = `${this.#glusterd}/snaps`;
    const all = await this.#names(snapshots, true, problems);
    for (const snapshot of all.names) {
      const inner = await this.#names(`${snapshots}/${snapshot}`, all.kept, problems);
      const kept = all.kept || inner.kept;
      for (const volume of inner.names) {
        places.push({ folder: `${snapshots}/${snapshot}/${volume}`, volume, snapshot, kept });
      }
    }
    return places;
  }

  /** Folders within a folder. One that cannot be read has those that it had. stays: it is no folder that goes with its volume. */
  async #names(folder: string, stays: boolean, problems: string[]): Promise<Names> {
    try {
      const entries = await readdir(pathOf(folder), { withFileTypes: true, encoding: 'latin1' } as never);
      const names = (entries as unknown as { name: string; isDirectory(): boolean }[])
        .filter((e) => e.isDirectory())
        .map((e) => e.name);
      return { names: names.sort(), kept: false };
    } catch (error) {
      if (isMissing(error) && !stays) return { names: [], kept: false };
      problems.push(`${textOfLatin1(folder)}: ${(error as Error).message}`);
      const prefix = `${folder}/`;
      const names = [...this.#volumes.keys()].filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length));
      return { names: [...new Set(names.map((name) => name.replace(/\/.*/, '')))], kept: true };
    }
  }

  /** Undefined for a folder that is no volume's (any more). */
  async #volume(place: Place, known: VolumeRecord | undefined): Promise<VolumeRecord | undefined> {
    if (place.kept) return known;
    const file = `${place.folder}/info`;
    let state: string;
    let info: string;
    try {
      const { mtimeMs, ino, size } = await stat(pathOf(file));
      state = `${mtimeMs} ${ino} ${size}`;
      if (known?.state === state && known.problems.length === 0) return known;
      info = await read(file);
    } catch (error) {
      const bare = textOfLatin1(file);
      // A volume that is deleted is renamed first, file and all; a folder that has never had the file is none of a volume.
      if (isMissing(error) && known === undefined) return undefined;
      if (isMissing(error) && !(await exists(place.folder))) return undefined;
      const problem = `${bare}: ${(error as Error).message}`;
      return { state: '', bricks: known?.bricks ?? [], problems: [problem] };
    }
    const values = valuesOf(info);
    const record: VolumeRecord = { state, bricks: [], problems: [] };
    const status = values.get('status');
    if (status === undefined) {
      return { state: '', bricks: known?.bricks ?? [], problems: [`${textOfLatin1(file)}: it does not tell a status`] };
    }
    if (status !== STARTED) return record;
    for (const [key, entry] of values) {
      if (!/^brick-\d+$/.test(key)) continue;
      await this.#brick(place, entry, record, known);
    }
    return record;
  }

  async #brick(place: Place, entry: string, record: VolumeRecord, known: VolumeRecord | undefined): Promise<void> {
    const file = `${place.folder}/bricks/${entry}`;
    try {
      const values = valuesOf(await read(file));
      const [host, path, uuid] = [values.get('hostname'), values.get('path'), values.get('uuid')];
      if (!host || !path || !uuid) throw new Error('it does not tell host, path and node of the brick');
      if (this.#nodeId === '') throw new Error('whether the brick is of this node is not known');
      if (uuid === this.#nodeId) record.bricks.push(this.#expected(place, host, path));
    } catch (error) {
      record.problems.push(`${textOfLatin1(file)}: ${(error as Error).message}`);
      const before = known?.bricks.find((b) => entry === `${b.host}:${latin1OfBytes(b.path).replaceAll('/', '-')}`);
      if (before !== undefined) record.bricks.push(before);
    }
  }

  #expected({ folder, volume, snapshot }: Place, host: string, path: string): ExpectedBrick {
    const dashed = path.replace(/^\//, '').replaceAll('/', '-');
    const pids = snapshot === '' ? `${this.#run}/vols/${volume}` : `${this.#run}/snaps/${snapshot}/${volume}`;
    return {
      volume,
      host,
      path: bytesOfLatin1(path),
      snapshot,
      pidFile: bytesOfLatin1(`${pids}/${host}-${dashed}.pid`),
      volfile: bytesOfLatin1(`${folder}/${volume}.${host}.${dashed}.vol`),
    };
  }
}

async function exists(folder: string): Promise<boolean> {
  try {
    await stat(pathOf(folder));
    return true;
  } catch (error) {
    return !isMissing(error);
  }
}
