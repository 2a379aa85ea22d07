/**
 * The file by which Prometheus (file_sd_configs) finds the metrics of this node's brick processes. Every process adds
 * its own entry and removes it when it ends; stale entries are removed when another process writes.
 */
import { closeSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { textLoggerFor } from '../../mux/base/log.js';
import { DIRECTORY_MODE, openOwnFile, PUBLIC_MODE, replaceOwnFile } from '../../mux/base/own-files.js';
import { addon } from '../../native/addon.js';
import { bytesOfText } from '../../native/bytes.js';

const log = textLoggerFor('metrics');
/** Labels that start like this are gone once Prometheus has chosen its targets. */
const PID = '__meta_brickd_pid';
const START = '__meta_brickd_start_time';
const LOCK_TRIES = 150;
const LOCK_PAUSE_MS = 20;
/** How often a process sees to it that its entry is still there. */
const LOOK_MS = 60_000;

interface Entry {
  targets: string[];
  labels: Record<string, string>;
}

/** When a process was started, in ticks since the machine's start; undefined if there is none of that id. */
function startOf(pid: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  const e = value as Partial<Entry> | null;
  return typeof e === 'object' && e !== null && Array.isArray(e.targets) && typeof (e.labels ?? {}) === 'object';
}

/** Whether an entry's process lives; undefined for entries that name none. */
function lives(entry: Entry): boolean | undefined {
  const pid = entry.labels?.[PID];
  if (pid === undefined) return undefined;
  const start = startOf(pid);
  return start !== undefined && start === entry.labels[START];
}

/** The targets of processes that live, by the file at a path; none if it can't be read. */
export function livingTargets(path: string): { pid: number; url: string }[] {
  let entries: unknown;
  try {
    entries = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
  if (!Array.isArray(entries)) return [];
  // A process may have several addresses: any will do.
  return entries.filter(isEntry).flatMap((entry) => {
    const [target] = entry.targets;
    if (target === undefined || lives(entry) !== true) return [];
    return [{ pid: Number(entry.labels[PID]), url: `${entry.labels['__scheme__'] ?? 'http'}://${target}` }];
  });
}

export class TargetFile {
  readonly #path: string;
  #own: Entry | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds the targets ("host:port") of this process. Rejects with the error of the file system. */
  async add(targets: string[], labels: Readonly<Record<string, string>>): Promise<void> {
    const pid = String(process.pid);
    this.#own = { targets, labels: { ...labels, [PID]: pid, [START]: startOf(pid) ?? '' } };
    await this.#update();
    this.#timer = setInterval(() => {
      this.#update().catch((error: unknown) => log.warning(0, `${this.#path}: ${(error as Error).message}`));
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** Removes this process's entry. */
  async remove(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#own === null) return;
    this.#own = null;
    await this.#update();
  }

  async #update(): Promise<void> {
    // Not its parents: they are not ours to make.
    const folder = dirname(this.#path);
    if (!existsSync(folder)) mkdirSync(folder, { mode: DIRECTORY_MODE });
    await this.#locked(() => {
      const before = this.#read();
      const own = this.#own;
      const entries = before.filter((e) => this.#stays(e));
      if (own !== null) entries.push(own);
      if (JSON.stringify(entries) !== JSON.stringify(before)) this.#write(entries);
    });
  }

  #read(): Entry[] {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      if (Array.isArray(value)) return value.filter(isEntry);
      log.warning(0, `${this.#path} is not a list of targets and is rewritten`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warning(0, `${this.#path} is rewritten: ${(error as Error).message}`);
    }
    return [];
  }

  /** Whether an entry is that of another process that lives; entries that name no process are somebody's who knows. */
  #stays(entry: Entry): boolean {
    if (entry.labels?.[PID] === String(process.pid)) return false;
    return lives(entry) ?? true;
  }

  /** In one step: whoever reads it sees the old or the new. */
  #write(entries: Entry[]): void {
    replaceOwnFile(bytesOfText(this.#path), bytesOfText(`${JSON.stringify(entries, null, 2)}\n`), PUBLIC_MODE);
  }

  /** Runs while no other process does. The lock goes with the process that has it. */
  async #locked(run: () => void): Promise<void> {
    const fd = openOwnFile(bytesOfText(`${this.#path}.lock`), constants.O_RDWR, PUBLIC_MODE);
    try {
      for (let tries = 1; addon.lockFile(fd) !== 0; tries++) {
        if (tries === LOCK_TRIES) throw new Error(`${this.#path}.lock is held by another process for too long`);
        await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
      }
      run();
    } finally {
      closeSync(fd);
    }
  }
}
