/** Numbers of a worker's bricks for metrics and the status page: gathered when somebody asks. */
import type { Brick } from './brick.js';

/** Structured-clonable. */
export interface BrickStats {
  brick: string;
  up: boolean;
  clients: number;
  connections: number;
  openFds: number;
  inodes: number;
  callsUnderWay: number;
  /** System calls on its disk have not come back for more than a second. */
  diskHung: boolean;
  bytesRead: number;
  bytesWritten: number;
  /** By procedure number. */
  hits: Float64Array;
  failures: Float64Array;
  /** Capacity of the brick's file system; null when it can't be read. */
  space: { total: number; free: number; available: number; inodes: number; inodesFree: number } | null;
}

export interface WorkerStats {
  bricks: BrickStats[];
  heapBytes: number;
}

export async function workerStats(bricks: readonly Brick[]): Promise<WorkerStats> {
  return { bricks: await Promise.all(bricks.map(brickStats)), heapBytes: process.memoryUsage().heapUsed };
}

async function brickStats(brick: Brick): Promise<BrickStats> {
  let openFds = 0;
  for (const client of brick.clients.values()) openFds += client.openFds;
  return {
    brick: brick.name,
    up: !brick.failed,
    clients: brick.clients.size,
    connections: brick.sessions.size,
    openFds,
    inodes: brick.table.size,
    callsUnderWay: brick.callsUnderWay,
    diskHung: brick.diskHung,
    bytesRead: brick.bytesRead,
    bytesWritten: brick.bytesWritten,
    hits: brick.hits.slice(),
    failures: brick.failures.slice(),
    space: await space(brick),
  };
}

/** How long a scrape waits for a disk: one that hangs must not hide the numbers of the others. */
const STATFS_WAIT_MS = 1000;

/** Bricks whose disk was asked and has not answered yet: they are not asked again. */
const asked = new WeakSet<Brick>();

async function space(brick: Brick): Promise<BrickStats['space']> {
  if (brick.diskHung || asked.has(brick)) return null;
  asked.add(brick);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), STATFS_WAIT_MS);
  });
  try {
    const call = brick.ownCall();
    const answer = (async () => await brick.top.statfs(call, { inode: brick.root, xdata: null }))();
    const over = (): void => void asked.delete(brick);
    answer.then(over, over);
    const s = await Promise.race([answer, late]);
    if (s === null) return null;
    return {
      total: s.blocks * s.frsize,
      free: s.bfree * s.frsize,
      available: s.bavail * s.frsize,
      inodes: s.files,
      inodesFree: s.ffree,
    };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
