/** A brick process's dealings with glusterd: the first volfile, and registering bricks and their port. */

import { background } from '../../mux/base/fault.js';
import { event, loggerFor } from '../../mux/base/log.js';
import { defined } from '../../native/assert.js';
import { type ByteString, bytesOfLatin1, bytesOfText, textPath } from '../../native/bytes.js';
import { ENOTCONN } from '../../native/errno.js';
import type { BrickArguments } from '../arguments/brick-arguments.js';
import { Backoff, pause } from '../glusterd/backoff.js';
import type { GlusterdAddress } from '../glusterd/dial.js';
import { Management, VolfileRefused } from '../glusterd/management.js';
import { eachLimited } from './brick-serializer.js';
import { StartFailure } from './start-failure.js';

const log = loggerFor('glusterfsd-mgmt');
/** Tries to fetch the first volfile. */
const FETCH_TRIES = 10;
/** Rounds of unanswered sign-ins after which callers stop waiting. */
const SIGN_IN_ROUNDS = 10;
/** Sign-ins in progress at once. */
const SIGN_INS = 32;
const SIGN_IN_PAUSE_MS = 500;
const SIGN_IN_PAUSE_MAX_MS = 5_000;

export type SignInOutcome = 'accepted' | 'refused' | 'silent';

export interface LinkEvents {
  volfilesChanged(): void;
  /** Bricks to sign in. */
  bricks(): ByteString[];
}

function addressOf(args: BrickArguments): GlusterdAddress {
  const host = defined(args.servers[0], 'a link to glusterd has a server to go to');
  const unix = args.serverTransport === 'unix';
  const family = args.xlatorOptions.find((o) => o.key === 'address-family')?.value;
  return {
    host: unix ? textPath(bytesOfLatin1(host)) : host,
    port: args.serverPort,
    transport: unix ? 'unix' : 'socket',
    family: family === 'inet6' ? 6 : family === 'inet' ? 4 : 0,
    tls: args.secureMgmt ?? 'by file',
  };
}

export class GlusterdLink {
  readonly management: Management;
  readonly #args: BrickArguments;
  readonly #events: LinkEvents;
  /** Counts the rounds begun: a newer one replaces an older one. */
  #round = 0;
  /** Bricks that are registered with glusterd. */
  readonly #known = new Set<ByteString>();

  constructor(args: BrickArguments, events: LinkEvents) {
    this.#args = args;
    this.#events = events;
    this.management = new Management(addressOf(args), {
      volfilesChanged: () => events.volfilesChanged(),
      reconnected: () => {
        this.#known.clear();
        events.volfilesChanged();
        background(this.signIn(), log, 'signing in failed');
      },
    });
  }

  /** Connects and fetches the volfile of the command line. Throws a StartFailure. */
  async firstVolfile(): Promise<string> {
    const { volfileId, brickName, servers } = this.#args;
    try {
      await this.management.open();
    } catch (error) {
      const name = brickName.length === 0 ? volfileId : brickName;
      const reason = bytesOfText((error as Error).message);
      log.error(0, `brick ${name}: failed to connect to remote-host: ${servers[0]} (${reason})`);
      throw new StartFailure(ENOTCONN, 1);
    }
    try {
      return await this.management.fetchVolfile(volfileId, brickName, FETCH_TRIES);
    } catch (error) {
      const errno = error instanceof VolfileRefused ? error.errno : ENOTCONN;
      log.error(0, `failed to fetch volume file (key:${volfileId}): ${(error as Error).message}`, errno);
      throw new StartFailure(errno, errno & 255);
    }
  }

  /**
   * Signs every brick in. Resolves when glusterd has answered for all of them, or with 'silent' after a number of rounds in
   * which it has not: then trying goes on by itself. Rejects for faults of this program only.
   */
  signIn(): Promise<SignInOutcome> {
    const { brickPort, brickName } = this.#args;
    if (brickPort === 0 || brickName.length === 0) return Promise.resolve('accepted');
    return new Promise((resolve, reject) => {
      this.#signInAll(++this.#round, resolve).catch(reject);
    });
  }

  async #signInAll(round: number, tell: (outcome: SignInOutcome) => void): Promise<void> {
    const backoff = new Backoff(SIGN_IN_PAUSE_MS, SIGN_IN_PAUSE_MAX_MS);
    const left = new Set(this.#events.bricks());
    let refused = false;
    for (let tries = 1; round === this.#round; tries++) {
      await eachLimited([...left], SIGN_INS, async (brick) => {
        // Checked each time: a brick that was deregistered meanwhile must not get back into the port map.
        const accepted = this.#events.bricks().includes(brick) ? await this.#signInOne(brick) : true;
        if (accepted === undefined) return;
        left.delete(brick);
        if (!accepted) refused = true;
        else this.#known.add(brick);
      });
      if (left.size === 0) return tell(refused ? 'refused' : 'accepted');
      if (tries === SIGN_IN_ROUNDS) tell('silent');
      await pause(backoff.next(), tries < SIGN_IN_ROUNDS);
    }
    tell('silent');
  }

  /** Whether a brick is registered with glusterd, and the connection has not been lost since. */
  knows(brick: ByteString): boolean {
    return this.#known.has(brick);
  }

  /** Undefined when glusterd does not answer. */
  async #signInOne(brick: ByteString): Promise<boolean | undefined> {
    const { brickPort, brickPort2 } = this.#args;
    try {
      const accepted = await this.management.signIn(brick, brickPort);
      if (accepted && brickPort2 !== 0) await this.management.signIn(bytesOfLatin1(`${brick}.rdma`), brickPort2);
      return accepted;
    } catch (error) {
      log.warning(0, event('failed to send sign in request', { brick, reason: (error as Error).message }));
      return undefined;
    }
  }

  /** Removes a brick from glusterd's port map, if glusterd answers soon. Never rejects. */
  async signOut(brick: ByteString): Promise<void> {
    const { brickPort, brickPort2 } = this.#args;
    this.#known.delete(brick);
    if (brickPort === 0 || brick.length === 0) return;
    await this.management.signOut(brick, brickPort, brickPort2);
  }
}
