/** Brick operations of glusterd (program GD_BRICK): what each does and how it is answered. */

import { event, loggerFor } from '../../mux/base/log.js';
import { BrickOpProc, type BrickOpReq, type BrickOpRsp } from '../../mux/wire/programs/mgmt.js';
import { Dict } from '../../mux/xlator/dict.js';
import { type ByteString, bytesOfLatin1 } from '../../native/bytes.js';
import { booleanOf } from '../../volfiles/values.js';
import type { BrickServer, StatusKind, StatusValue } from '../brick-server.js';

const log = loggerFor('glusterfsd-mgmt');

/** Key of the question of `brickd qos` in an XLATOR_INFO request, and of its answer: JSON of all bricks that have user/qos. */
export const QOS_QUESTION = 'brickd.qos';

/** The same of `brickd slow`: JSON of the slow fops of all bricks. */
export const SLOW_QUESTION = 'brickd.slow';

/** Procedures from this number on do not exist. */
export const BRICK_OP_COUNT = 16;

/** unavailable: no such procedure. failed: an RPC-level error, as for a brick that is not there. */
export type Answer = BrickOpRsp | 'unavailable' | 'failed';

/** What brick operations ask of the life of the process. */
export interface BrickLife {
  /** Null until the process can take bricks. */
  readonly server: BrickServer | null;
  /** The brick that the process was started for; empty for none. */
  readonly firstBrick: ByteString;
  /**
   * Takes a brick out; the process ends with its last one. Resolves when the brick is gone (or did not go in time, or was
   * not there) and before the process ends; rejects when a brick of several could not be taken out. graceful: the process
   * that ends with it does so with status 0.
   */
  terminate(brick: ByteString, graceful: boolean): Promise<'gone' | 'late' | 'absent'>;
  /** Brings up a further brick from a volfile of the local disk, when the process is ready. Rejects with a BrickError. */
  attachFile(volfilePath: ByteString): Promise<void>;
  /** Writes the metrics file; resolves with its text. */
  dumpMetrics(): Promise<string>;
}

/** Low byte of the `cmd` of a status request. */
const STATUS: ReadonlyMap<number, StatusKind> = new Map([
  [0x01, 'mem'],
  [0x02, 'clients'],
  [0x04, 'inode'],
  [0x08, 'fd'],
  [0x10, 'callpool'],
  [0x80, 'client-list'],
]);

const reply = (opRet: number, output: Dict | null = null, opErrstr = ''): BrickOpRsp => ({
  op_ret: opRet,
  op_errno: 0,
  output,
  op_errstr: opErrstr,
});

function toDict(values: Iterable<readonly [string, StatusValue]>): Dict {
  const dict = new Dict();
  for (const [key, value] of values) {
    if (typeof value === 'string') dict.setText(key, value);
    else dict.setInt(key, value);
  }
  return dict;
}

function toText(dict: Dict | null): Map<string, string> {
  const pairs = new Map<string, string>();
  if (dict === null) return pairs;
  for (const key of dict.map.keys()) pairs.set(key, dict.text(key) ?? '');
  return pairs;
}

export class BrickOpHandler {
  readonly #life: BrickLife;

  constructor(life: BrickLife) {
    this.#life = life;
  }

  /** Runs one operation. Rejects only on faults of the program: an operation that fails answers so. */
  async run(procedure: number, request: BrickOpReq): Promise<Answer> {
    switch (procedure) {
      case BrickOpProc.terminate:
        return this.#terminate(request);
      case BrickOpProc.xlatorInfo:
        return this.#xlatorInfo(request);
      case BrickOpProc.status:
        return this.#status(request);
      case BrickOpProc.barrier:
      case BrickOpProc.volumeBarrierOp:
        return this.#barrier(request);
      case BrickOpProc.attach:
        return this.#attach(request);
      case BrickOpProc.dumpMetrics:
        return reply(0, null, await this.#life.dumpMetrics());
      case BrickOpProc.null:
        return 'failed';
      case BrickOpProc.op:
        return 'unavailable';
      default:
        log.warning(0, event('brick operation for another kind of process refused', { procedure, name: request.name }));
        return reply(-1, null, `a brick process does not serve brick operation ${procedure}`);
    }
  }

  async #terminate(request: BrickOpReq): Promise<Answer> {
    const name = bytesOfLatin1(request.name);
    const graceful = booleanOf(request.dict?.text('cluster.brick-graceful-cleanup') ?? 'off') === true;
    try {
      const departure = await this.#life.terminate(name, graceful);
      // One that is down already is what was asked for.
      if (departure === 'absent') log.error(0, `can't terminate ${name} - not found`);
      return reply(0, new Dict());
    } catch (error) {
      return { ...this.#refused('detach', name, error), output: new Dict() };
    }
  }

  async #xlatorInfo(request: BrickOpReq): Promise<Answer> {
    const server = this.#life.server;
    const name = bytesOfLatin1(request.name);
    const { input } = request;
    if (server !== null && input?.text(QOS_QUESTION) !== undefined) return this.#qos(server);
    if (server !== null && input?.text(SLOW_QUESTION) !== undefined) {
      return reply(0, new Dict().setText(SLOW_QUESTION, JSON.stringify(await server.slowFops())));
    }
    if (server === null || !server.bricks().includes(name)) return reply(-1, null, `xlator ${name} is not loaded`);
    try {
      return reply(0, toDict(await server.profile(name, toText(input))));
    } catch (error) {
      return this.#refused('statistics', name, error);
    }
  }

  async #qos(server: BrickServer): Promise<Answer> {
    const bricks = (await server.stats()).flatMap((w) => w.bricks);
    const served = bricks.flatMap(({ brick, qos }) => (qos === null ? [] : [{ brick, qos }]));
    const text = JSON.stringify(served, (_, value) => (value instanceof Float64Array ? [...value] : value));
    return reply(0, new Dict().setText(QOS_QUESTION, text));
  }

  async #status({ input }: BrickOpReq): Promise<Answer> {
    const command = input?.number('cmd');
    const asked = input?.text('brick-name');
    const server = this.#life.server;
    if (command === undefined || asked === undefined) {
      log.error(0, command === undefined ? "Couldn't get status op" : "Couldn't get brickname from dict");
      return 'failed';
    }
    const brick = bytesOfLatin1(asked);
    if (server === null || !server.bricks().includes(brick)) {
      log.error(0, event('xlator is not loaded', { brick }));
      return 'failed';
    }
    const kind = STATUS.get(command & 0xff);
    if (kind === undefined) return reply(-1, new Dict(), 'Unknown status op');
    try {
      return reply(0, toDict(Object.entries(await server.status(brick, kind))));
    } catch (error) {
      return { ...this.#refused(`status ${kind}`, brick, error), output: new Dict() };
    }
  }

  async #barrier(request: BrickOpReq): Promise<Answer> {
    const server = this.#life.server;
    const name = bytesOfLatin1(request.name);
    const { input } = request;
    const enable = booleanOf(input?.text('barrier') ?? '');
    if (server === null || !server.bricks().includes(name) || enable === undefined) {
      log.error(0, event('barrier request refused', { brick: name, barrier: input?.text('barrier') ?? '' }));
      return 'failed';
    }
    try {
      await server.barrier(name, enable);
      return reply(0);
    } catch (error) {
      this.#refused('barrier', name, error);
      return reply(-1, null, 'Failed to reconfigure barrier.');
    }
  }

  async #attach(request: BrickOpReq): Promise<Answer> {
    const name = bytesOfLatin1(request.name);
    log.info(0, `got attach for ${name}`);
    try {
      await this.#life.attachFile(name);
      return reply(0);
    } catch (error) {
      return this.#refused('attach', name, error);
    }
  }

  #refused(what: string, name: ByteString, error: unknown): BrickOpRsp {
    const text = error instanceof Error ? error.message : String(error);
    log.error(0, `${what} of ${name} failed: ${text}`);
    return reply(-1, null, text);
  }
}
