/** The bricks of the process and the volfiles they run on: bringing up, changing, taking out. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { event, loggerFor } from '../../posix/contract/log.js';
import { type BrickServer, type BrickSpec, isBrickError } from '../brick-server.js';
import type { BrickArguments } from '../cli/brick-arguments.js';
import type { Management } from '../glusterd/management.js';
import { digestOf, type VolfileFacts, VolfileStore, volfileFacts } from '../glusterd/volfile-store.js';
import type { DaemonLog } from '../log/open.js';
import { fsPath } from './call.js';
import { Serial } from './serial.js';

const log = loggerFor('glusterfsd-mgmt');
/** Tries to fetch a changed volfile before the change is given up until the next notice. */
const REFETCH_TRIES = 8;
/** A detach that takes longer goes on by itself, and whoever asked for it is told that it is under way. */
const DETACH_WAIT_MS = 10_000;

export class Bricks {
  readonly #args: BrickArguments;
  readonly #server: BrickServer;
  readonly #log: DaemonLog;
  readonly #management: Management | null;
  readonly volfiles = new VolfileStore();
  readonly serial = new Serial();
  /** The server's option `statedump-path`, of the volfile read last. */
  statedumpPath = '';
  #refreshWanted = false;

  constructor(args: BrickArguments, server: BrickServer, daemonLog: DaemonLog, management: Management | null) {
    this.#args = args;
    this.#server = server;
    this.#log = daemonLog;
    this.#management = management;
  }

  /** Brings a brick up from the text of its volfile and logs its graph. Throws what makes that impossible. */
  async attach(volfileId: string, text: string): Promise<VolfileFacts> {
    const facts = volfileFacts(text, volfileId, this.#args.xlatorOptions);
    await this.#server.attach(this.#spec(facts, volfileId, text));
    this.volfiles.put(volfileId, facts.brick, text);
    this.#applyProcessOptions(facts);
    const graph = this.#server.finalGraph(facts.brick);
    this.#log.raw(graph.endsWith('\n') ? graph : `${graph}\n`);
    return facts;
  }

  /** As {@link attach}, from a volfile of the local disk, as glusterd has a further brick attached. */
  attachFile(path: string): Promise<void> {
    return this.serial.run(async () => {
      const text = await readFile(fsPath(path), 'latin1');
      await this.attach(basename(path).replace(/\.vol$/, ''), text);
    });
  }

  /** Takes a brick out. Resolves when it is gone, or after ten seconds while it is still going. */
  async detach(brick: string): Promise<void> {
    const gone = this.serial.run(async () => {
      await this.#server.detach(brick);
      this.volfiles.dropBrick(brick);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        log.warning(0, event('detaching takes long and goes on', { brick }));
        resolve();
      }, DETACH_WAIT_MS);
    });
    await Promise.race([gone, late]).finally(() => clearTimeout(timer));
  }

  /** Fetches every volfile again and applies what has changed. Notices that come meanwhile cause one more round. */
  refresh(): void {
    if (this.#refreshWanted) return;
    this.#refreshWanted = true;
    void this.serial.run(async () => {
      this.#refreshWanted = false;
      for (const stored of this.volfiles.all()) await this.#refreshOne(stored.id, stored.brick);
    });
  }

  async #refreshOne(id: string, brick: string): Promise<void> {
    const management = this.#management;
    if (management === null) return;
    try {
      const text = await management.fetchVolfile(id, this.#args.brickName, REFETCH_TRIES);
      if (this.volfiles.get(id)?.digest === digestOf(text)) {
        log.info(0, 'No change in volfile,continuing');
        return;
      }
      const facts = volfileFacts(text, id, this.#args.xlatorOptions);
      const outcome = await this.#server.reconfigure(this.#spec(facts, id, text));
      this.volfiles.put(id, brick, text);
      this.#applyProcessOptions(facts);
      log.info(0, event('volfile applied to the running brick', { brick, 'volfile-id': id, outcome }));
    } catch (error) {
      const reason = isBrickError(error) || error instanceof Error ? error.message : String(error);
      log.error(0, event('the changed volfile is not applied, the brick serves on as before', { brick, reason }));
    }
  }

  #spec(facts: VolfileFacts, volfileId: string, volfile: string): BrickSpec {
    return { brick: facts.brick, volfileId, volfile, overrides: this.#args.xlatorOptions };
  }

  #applyProcessOptions(facts: VolfileFacts): void {
    this.statedumpPath = facts.statedumpPath;
    this.#log.applyOptions(facts.brickOptions);
  }
}
