/** What main thread and workers tell each other of a brick. All of it is structured-clonable. */
import { AuthRules } from './auth.js';

/** A brick to be brought up, or to be given new options. */
export interface BrickTask {
  brick: string;
  volfileId: string;
  volfile: string;
  /** Options of the command line, for every volume whose name matches `xlator`. */
  overrides: { xlator: string; key: string; value: string }[];
}

/** What the main thread keeps of a brick for the handshake and for glusterd. */
export interface BrickFacts {
  brick: string;
  serverName: string;
  volumeId: string | undefined;
  authOptions: [string, string][];
  allowInsecure: boolean;
  strictAuth: boolean;
  dynamicAuth: boolean;
  finalGraph: string;
  listen: { port: number | undefined; bindAddress: string; backlog: number; family: 4 | 6 };
}

/** The rules by which a brick lets clients in. */
export function authRules(facts: BrickFacts): AuthRules {
  return new AuthRules(new Map(facts.authOptions), facts.allowInsecure, facts.strictAuth);
}

/** The volume of a brick, after which glusterd calls the brick's server volume; '' if it has another name. */
export function volumeOf(serverName: string): string {
  return serverName.endsWith('-server') ? serverName.slice(0, -'-server'.length) : '';
}

/** What a worker reports without being asked: a brick that has ended by itself, or a fault that ends the worker. */
export type WorkerEvent = { event: 'failed'; brick: string; reason: string } | { event: 'fault'; reason: string };
