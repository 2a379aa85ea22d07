/**
 * Builds the frames of the status page and of `brickd top`: what happened between two samples of the workers'
 * statistics.
 */
import { hostname } from 'node:os';
import { unappliedText } from '../../../mux/brick/brick-facts.js';
import { type SlowFop, waitText } from '../../../mux/brick/slow-fops.js';
import { type BrickStats, threadStats, type WorkerStats } from '../../../mux/brick/views/brick-stats.js';
import { LATENCY_BOUNDS_SEC, LATENCY_BUCKETS } from '../../../mux/stats/fop-stats.js';
import { FOPS } from '../../../mux/xlator/fop-table.js';
import { type ByteString, textOfBytes, textOfLatin1 } from '../../../native/bytes.js';
import { errnoName } from '../../../native/errno.js';
import type { ServerState } from '../../brick-server.js';
import { VERSION } from '../../version.js';
import {
  type BrickRow,
  type Detail,
  type FopRow,
  type Frame,
  PROBLEMS_TOLD,
  type Problem,
  SLOW_TOLD,
  type SlowRow,
  TENANTS_TOLD,
  type TenantRow,
  UNAPPLIED_TOLD,
  type VolumeRow,
} from '../page/frame.js';
import { BrickWindow, FlowSum } from './brick-window.js';
import { gain, LatencyHistogram } from './latency-histogram.js';
import { ofClients, ofErrors, ofSlow, ofState, ofTenants } from './problems.js';
import { TenantRows } from './tenant-rows.js';

type Thread = Omit<WorkerStats, 'bricks' | 'longestSliceSec'>;

/** One look. */
interface Look {
  atMs: number;
  cpuUs: number;
  bricks: Map<ByteString, BrickStats>;
  threads: Map<number, Thread>;
}

function lookAt(workers: readonly WorkerStats[]): Look {
  const { user, system } = process.cpuUsage();
  const threads: Thread[] = [threadStats(), ...workers];
  return {
    atMs: performance.now(),
    cpuUs: user + system,
    bricks: new Map(workers.flatMap((w) => w.bricks.map((b) => [b.brick, b]))),
    threads: new Map(threads.map((t) => [t.thread, t])),
  };
}

/** Slow fops that the details of a brick have. */
const SLOW_DETAILED = 50;

function slowRow(brick: string, s: SlowFop): SlowRow {
  return {
    number: s.number,
    brick,
    at: s.atMs,
    fop: s.fop,
    path: textOfLatin1(s.path),
    client: textOfLatin1(s.clientName === '' ? s.client : s.clientName),
    peer: s.peer,
    pid: s.pid,
    uid: s.uid,
    size: s.size,
    sec: s.ms / 1000,
    underWay: s.underWay,
    errno: s.errno === 0 ? '' : errnoName(s.errno),
    waits: s.waits.map((w) => textOfLatin1(waitText(w))),
  };
}

export class Frames {
  #before: Look | undefined;
  #span = 0;
  /** Of the last frame, by the text of the bricks' names. */
  #windows = new Map<string, BrickWindow>();

  /** Numbers and state of the server now. gatherSec: how long asking for them took. */
  next(workers: readonly WorkerStats[], server: ServerState, gatherSec: number): Frame {
    const before = this.#before;
    const now = lookAt(workers);
    this.#before = now;
    this.#span = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
    this.#windows = new Map();
    const total = new FlowSum();
    const tenants = new TenantRows();
    for (const b of now.bricks.values()) {
      const old = before?.bricks.get(b.brick);
      const window = new BrickWindow(b, old);
      this.#windows.set(textOfBytes(b.brick), window);
      total.add(window);
      if (b.qos !== null) tenants.add(b.qos, old?.qos);
    }
    const rows = tenants.rows(this.#span);
    const bricks = this.#bricks(server);
    const slow = this.#slow([...this.#windows.values()]).slice(0, SLOW_TOLD);
    return {
      at: Date.now(),
      span: this.#span,
      process: {
        version: VERSION,
        host: hostname(),
        pid: process.pid,
        node: process.version,
        upSec: process.uptime(),
        rssBytes: process.memoryUsage.rss(),
        cpu: before === undefined || this.#span === 0 ? 0 : (now.cpuUs - before.cpuUs) / 1e6 / this.#span,
        glusterd: server.glusterdConnected,
        attaching: server.attaching,
        workerFailures: server.workerFailures,
        gatherSec,
      },
      total: {
        ...total.flow(this.#span),
        delayedPerSec: this.#span === 0 ? 0 : tenants.delayed / this.#span,
        queued: tenants.queued,
      },
      bricks,
      slow,
      problems: this.#problems(bricks, slow, rows),
      volumes: this.#volumes(server),
      workers: this.#workers(now, before, workers),
      tenants: rows.slice(0, TENANTS_TOLD),
      tenantsUntold: Math.max(0, rows.length - TENANTS_TOLD),
      badOptions: [...tenants.badOptions.values()].slice(0, TENANTS_TOLD),
      unapplied: server.bricks
        .flatMap(({ brick, unapplied }) =>
          unapplied.map((u) => ({ brick: textOfBytes(brick), text: textOfLatin1(unappliedText(u)) })),
        )
        .slice(0, UNAPPLIED_TOLD),
    };
  }

  #problems(bricks: BrickRow[], slow: SlowRow[], tenants: TenantRow[]): Problem[] {
    const of = [...this.#windows].flatMap(([brick, { now, before }]) => [
      ...ofClients(brick, now, before, this.#span),
      ...ofErrors(brick, now, before, this.#span),
    ]);
    return [...ofState(bricks), ...ofSlow(slow, Date.now()), ...of, ...ofTenants(tenants)].slice(0, PROBLEMS_TOLD);
  }

  /** Slow fops of bricks: those in progress, the oldest first, then the last. */
  #slow(windows: readonly BrickWindow[]): SlowRow[] {
    const rows = windows.flatMap(({ now }) => now.slow.map((s) => slowRow(textOfBytes(now.brick), s)));
    return rows.sort((a, b) => Number(b.underWay) - Number(a.underWay) || (a.underWay ? a.at - b.at : b.at - a.at));
  }

  #bricks(server: ServerState): BrickRow[] {
    return server.bricks.map((state) => {
      const brick = textOfBytes(state.brick);
      const window = this.#windows.get(brick);
      const sum = new FlowSum();
      if (window !== undefined) sum.add(window);
      const s = window?.now;
      return {
        ...sum.flow(this.#span),
        brick,
        volume: textOfLatin1(state.volume),
        state: stateOf(state.state, s),
        openFds: s?.openFds ?? 0,
        locksWaiting: s?.locksWaiting ?? 0,
        queued: s?.batchesQueued ?? 0,
        total: s?.space?.total ?? null,
        available: s?.space?.available ?? null,
      };
    });
  }

  #volumes(server: ServerState): VolumeRow[] {
    const volumes = new Map<string, { sum: FlowSum; bricks: number; up: number; qos: boolean }>();
    for (const state of server.bricks) {
      const name = textOfLatin1(state.volume);
      let v = volumes.get(name);
      if (v === undefined) volumes.set(name, (v = { sum: new FlowSum(), bricks: 0, up: 0, qos: false }));
      const window = this.#windows.get(textOfBytes(state.brick));
      v.bricks++;
      if (stateOf(state.state, window?.now) === 'up') v.up++;
      if (window === undefined) continue;
      v.sum.add(window);
      v.qos ||= window.now.qos !== null;
    }
    return [...volumes].map(([volume, v]) => ({
      ...v.sum.flow(this.#span),
      volume,
      bricks: v.bricks,
      bricksUp: v.up,
      qos: v.qos,
    }));
  }

  #workers(now: Look, before: Look | undefined, workers: readonly WorkerStats[]): Frame['workers'] {
    const bricks = new Map(workers.map((w) => [w.thread, w.bricks.length]));
    return [...now.threads.values()].map((t) => {
      const old = before?.threads.get(t.thread);
      const late = new LatencyHistogram();
      if (old !== undefined) late.addGain(t.loopDelay, old.loopDelay);
      const active = old === undefined ? 0 : gain(t.loopActiveSec, old.loopActiveSec);
      const all = old === undefined ? 0 : active + gain(t.loopIdleSec, old.loopIdleSec);
      return {
        thread: t.thread,
        bricks: bricks.get(t.thread) ?? 0,
        busy: all === 0 ? null : active / all,
        late: late.quantile(0.99),
        heapBytes: t.heapBytes,
        heapLimitBytes: t.heapLimitBytes,
      };
    });
  }

  /** More of one brick in the time of the last frame; empty if there is none of the name. brick: its name as text; '': of all. */
  detail(brick: string): Detail {
    const one = this.#windows.get(brick);
    const windows = brick === '' ? [...this.#windows.values()] : one === undefined ? [] : [one];
    return {
      brick,
      bounds: LATENCY_BOUNDS_SEC,
      fops: this.#fops(windows),
      clients: one === undefined ? [] : this.#clients(one),
      clientsUntold: one === undefined ? 0 : one.now.otherClients.clients,
      slow: this.#slow(windows).slice(0, SLOW_DETAILED),
    };
  }

  #fops(windows: readonly BrickWindow[]): FopRow[] {
    const per = (n: number): number => (this.#span === 0 ? 0 : n / this.#span);
    const rows: FopRow[] = [];
    for (const { number, display, isLock } of FOPS) {
      let calls = 0;
      let failures = 0;
      let ops = 0;
      let failed = 0;
      const spread = new LatencyHistogram();
      for (const { now, before, spreads } of windows) {
        const hits = now.hits[number] ?? 0;
        if (hits === 0) continue;
        const fails = now.failures[number] ?? 0;
        calls += hits;
        failures += fails;
        if (before === undefined) continue;
        ops += gain(hits, before.hits[number] ?? 0);
        failed += gain(fails, before.failures[number] ?? 0);
        const s = spreads.get(number);
        if (s !== undefined) spread.add(s);
      }
      if (calls === 0) continue;
      rows.push({
        fop: display,
        isLock,
        calls,
        failures,
        opsPerSec: per(ops),
        failuresPerSec: per(failed),
        p50: spread.quantile(0.5),
        p99: spread.quantile(0.99),
        buckets: spread.count === 0 ? new Array<number>(LATENCY_BUCKETS).fill(0) : [...spread.buckets],
      });
    }
    return rows.sort((a, b) => b.opsPerSec - a.opsPerSec || b.calls - a.calls);
  }

  #clients({ now, before }: BrickWindow): Detail['clients'] {
    const old = new Map((before?.topClients ?? []).map((c) => [c.uid, c]));
    return now.topClients.map((c) => {
      const b = old.get(c.uid);
      const per = (n: number, o: number | undefined): number =>
        o === undefined || this.#span === 0 ? 0 : gain(n, o) / this.#span;
      return {
        name: textOfLatin1(c.name === '' ? c.uid : c.name),
        peer: textOfLatin1(c.peer),
        subdir: textOfLatin1(c.subdir),
        version: textOfLatin1(c.version),
        opsPerSec: per(c.fops, b?.fops),
        underWay: c.callsUnderWay,
        openFds: c.openFds,
        receivedPerSec: per(c.bytesReceived, b?.bytesReceived),
        sentPerSec: per(c.bytesSent, b?.bytesSent),
        file: textOfLatin1(c.file),
        fileShare: c.fileShare,
      };
    });
  }
}

function stateOf(state: string, stats: BrickStats | undefined): string {
  if (state !== 'up') return state;
  if (stats === undefined) return 'no answer';
  if (!stats.up) return 'failed';
  return stats.diskHung ? 'disk hangs' : 'up';
}
