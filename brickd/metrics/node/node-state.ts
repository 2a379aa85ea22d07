/**
 * The state of all bricks that should run on this node: what glusterd's records ask for, against what the running processes themselves
 * answer. A brick is up only if a process says so of this very brick; pid files and ports prove nothing.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { textOfBytes, textOfLatin1 } from '../../../native/bytes.js';
import { LAST_WORDS, lastWordsOf } from '../last-words.js';
import { PROCESS_SOCKETS, pidOfSocket, processSocket } from '../process-sockets.js';
import { type ExpectedBrick, GlusterdFiles } from './glusterd-records.js';
import { type BrickKey, brickKey, sampleOf } from './metrics-text.js';
import { pidFileState } from './pid-file.js';
import { AnswerError, askProcess } from './process-answer.js';
import { VolfileDigests } from './volfile-digests.js';

/** Processes that are asked at the same time. */
const ASKED_AT_ONCE = 16;
/** Processes at most. */
const MOST_PROCESSES = 4096;
/** Callers within this time share what was gathered. */
const FRESH_MS = 500;

export interface NodeBrick {
  volume: string;
  host: string;
  path: string;
  snapshot: string;
  key: BrickKey;
  /** The process that tells of it; 0: none. */
  pid: number;
  /**
   * up: its process says that it serves. down: it does not, for {@link reason}. unwatched: a process runs that answers no questions, as
   * those of stock glusterfsd and of bricks without metrics do.
   */
  state: 'up' | 'down' | 'unwatched';
  /** '' unless down. */
  reason: string;
  /** For people. */
  detail: string;
  /** Whether it goes by the volfile that glusterd has for it; undefined if that is not known. */
  current: boolean | undefined;
}

export interface NodeProcess {
  pid: number;
  /** Its metrics; undefined if it does not answer. */
  text: string | undefined;
  error: string;
  bricks: BrickKey[];
}

export interface NodeState {
  nodeId: string;
  bricks: NodeBrick[];
  processes: NodeProcess[];
  /** By brick: the process whose word counts. */
  owners: ReadonlyMap<BrickKey, number>;
  /** Bricks that run though nothing asks for them. */
  unexpected: { key: BrickKey; pid: number }[];
  /** What cannot be read or understood of glusterd's records. */
  problems: string[];
  gatherSec: number;
}

export interface NodePaths {
  glusterd?: string;
  run?: string;
  sockets?: string;
  lastWords?: string;
}

/** What a process says of one of its bricks. */
interface Word {
  pid: number;
  up: boolean;
  reason: string;
  /** Of the volfile that it goes by. */
  digest: string | undefined;
}

/** What people read for the reasons that processes tell. */
const DETAILS: Readonly<Record<string, string>> = {
  starting: 'its process is bringing it up',
  returning: 'its worker has failed and is being replaced',
  stopping: 'it is being detached',
  withheld: 'an option that protects data or access cannot be applied: see the page of its process',
  failed: 'it has failed: see its log',
  no_answer: 'its process does not answer',
  not_signed_in: 'glusterd does not know its port: new clients cannot find it',
};

function wordsOf({ text, pid }: NodeProcess, words: Map<BrickKey, Word[]>): void {
  if (text === undefined) return;
  for (const name of ['gluster_brick_up', 'gluster_brick_down_info', 'brickd_volfile_info']) {
    for (const [line] of text.matchAll(new RegExp(`^${name}\\{.*$`, 'gm'))) {
      const sample = sampleOf(line);
      if (sample?.brick === undefined) continue;
      const all = words.get(sample.brick) ?? [];
      words.set(sample.brick, all);
      let word = all.find((w) => w.pid === pid);
      if (word === undefined) all.push((word = { pid, up: false, reason: '', digest: undefined }));
      if (name === 'gluster_brick_up') word.up = sample.value === '1';
      else if (name === 'brickd_volfile_info') word.digest = /(?:^|,)digest="([0-9a-f]*)"/.exec(sample.labels)?.[1];
      else word.reason = /(?:^|,)reason="([a-z_]*)"/.exec(sample.labels)?.[1] ?? '';
    }
  }
}

export class Node {
  readonly #files: GlusterdFiles;
  readonly #sockets: string;
  readonly #lastWords: string;
  readonly #digests = new VolfileDigests();
  #gathering: Promise<NodeState> | undefined;
  #last: { state: NodeState; atMs: number } | undefined;

  constructor(paths: NodePaths = {}) {
    this.#files = new GlusterdFiles(paths.glusterd, paths.run);
    this.#sockets = paths.sockets ?? PROCESS_SOCKETS;
    this.#lastWords = paths.lastWords ?? LAST_WORDS;
  }

  socketOf(pid: number): string {
    return processSocket(pid, this.#sockets);
  }

  /** Callers at the same time share one look. */
  async state(): Promise<NodeState> {
    if (this.#last !== undefined && performance.now() - this.#last.atMs < FRESH_MS) return this.#last.state;
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined;
    });
    return this.#gathering;
  }

  async #gather(): Promise<NodeState> {
    const start = performance.now();
    const [records, processes] = await Promise.all([this.#files.read(), this.#askAll()]);
    const problems = [...records.problems, ...processes.problems];
    const words = new Map<BrickKey, Word[]>();
    for (const p of processes.all) wordsOf(p, words);
    const owners = new Map<BrickKey, number>();
    for (const [key, all] of words) {
      // Of two that claim a brick, the one that serves it.
      const word = all.find((w) => w.up) ?? all[all.length - 1];
      if (word === undefined) continue;
      owners.set(key, word.pid);
      processes.all.find((p) => p.pid === word.pid)?.bricks.push(key);
    }
    const answering = new Map(processes.all.map((p) => [p.pid, p]));
    const bricks: NodeBrick[] = [];
    for (const expected of records.bricks) {
      const key = brickKey(textOfLatin1(expected.volume), textOfBytes(expected.path));
      const word = words.get(key)?.find((w) => w.pid === owners.get(key));
      bricks.push(await this.#judge(expected, key, word, answering));
    }
    this.#digests.keep(new Set(records.bricks.map((b) => b.volfile)));
    const wanted = new Set(bricks.map((b) => b.key));
    const state: NodeState = {
      nodeId: records.nodeId,
      bricks,
      processes: processes.all,
      owners,
      unexpected: [...owners].filter(([key]) => !wanted.has(key)).map(([key, pid]) => ({ key, pid })),
      problems,
      gatherSec: (performance.now() - start) / 1000,
    };
    this.#last = { state, atMs: performance.now() };
    return state;
  }

  async #judge(
    expected: ExpectedBrick,
    key: BrickKey,
    word: Word | undefined,
    answering: ReadonlyMap<number, NodeProcess>,
  ): Promise<NodeBrick> {
    const { path, pidFile } = expected;
    const brick = {
      volume: textOfLatin1(expected.volume),
      host: textOfLatin1(expected.host),
      path: textOfBytes(path),
      snapshot: textOfLatin1(expected.snapshot),
      key,
      pid: word?.pid ?? 0,
      current: await this.#isCurrent(expected, word),
    };
    const down = (reason: string, detail: string): NodeBrick => ({ ...brick, state: 'down', reason, detail });
    if (word?.up === true) return { ...brick, state: 'up', reason: '', detail: '' };
    if (word !== undefined) {
      const reason = word.reason === '' ? 'failed' : word.reason;
      return down(reason, DETAILS[reason] ?? '');
    }
    const said = await lastWordsOf(path, this.#lastWords);
    const running = await pidFileState(pidFile, path);
    if (running.kind === 'lives') {
      const { pid } = running;
      const process = answering.get(pid);
      if (process === undefined)
        return { ...brick, pid, state: 'unwatched', reason: '', detail: `process ${pid} answers no questions` };
      if (process.text === undefined) return { ...down('no_answer', `process ${pid}: ${process.error}`), pid };
      // It answers, and does not tell of this brick.
      if (said !== undefined) return down(said.kind, said.reason);
      return { ...down('starting', `process ${pid} does not serve it, or not yet`), pid };
    }
    if (said !== undefined) return down(said.kind, said.reason);
    if (running.kind === 'unreadable') return down('dead', `no process tells of it; its pid file: ${running.problem}`);
    return down('dead', running.kind === 'none' ? 'no process runs' : 'its process is gone');
  }

  async #isCurrent({ volfile }: ExpectedBrick, word: Word | undefined): Promise<boolean | undefined> {
    if (word?.digest === undefined) return undefined;
    const digest = await this.#digests.of(volfile);
    return digest === undefined ? undefined : digest === word.digest;
  }

  async #askAll(): Promise<{ all: NodeProcess[]; problems: string[] }> {
    const problems: string[] = [];
    let names: string[] = [];
    try {
      names = await readdir(this.#sockets);
    } catch (error) {
      // None has been there since the machine was started.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        problems.push(`${this.#sockets}: ${(error as Error).message}`);
    }
    const pids = names.map(pidOfSocket).filter((pid) => pid !== undefined);
    if (pids.length > MOST_PROCESSES) problems.push(`there are ${pids.length} processes: ${MOST_PROCESSES} are asked`);
    const left = pids.slice(0, MOST_PROCESSES).sort((a, b) => a - b);
    const all: NodeProcess[] = [];
    const ask = async (): Promise<void> => {
      for (let pid = left.shift(); pid !== undefined; pid = left.shift()) {
        const process = await this.#ask(pid);
        if (process !== undefined) all.push(process);
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
    return { all: all.sort((a, b) => a.pid - b.pid), problems };
  }

  /** Undefined if there is no such process any more. */
  async #ask(pid: number): Promise<NodeProcess | undefined> {
    const socket = this.socketOf(pid);
    try {
      return { pid, text: await askProcess(socket, '/metrics'), error: '', bricks: [] };
    } catch (error) {
      if (error instanceof AnswerError && error.gone) {
        // Left behind by a process that was killed. Where the folder may only be read it stays, which does no harm.
        if (!existsSync(`/proc/${pid}`)) await rm(socket, { force: true }).catch(() => {});
        return undefined;
      }
      return { pid, text: undefined, error: (error as Error).message, bricks: [] };
    }
  }
}
