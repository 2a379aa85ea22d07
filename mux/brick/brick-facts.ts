/**
 * What a worker tells the main thread about a brick: what the handshake and glusterd need, and which parts of its
 * volfile are not in effect.
 */
import type { ByteString } from '../../native/bytes.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import { AuthRules } from './auth.js';

/** A part of a brick's volfile that is not in effect on the running brick. */
export interface Unapplied {
  /** Name of the volume in the volfile; '' if it is the volfile as a whole. */
  volume: string;
  /** '' if it is the volume as a whole. */
  option: string;
  /** As in the volfile; '' where there is none, or none to be shown. */
  value: string;
  reason: string;
  /** It protects data or access: without it the brick accepts no client. */
  guards: boolean;
}

/** Text for operators: what is not in effect, and why. */
export function unappliedText({ volume, option, value, reason }: Unapplied): string {
  if (volume === '') return `the changed volfile is not in effect: ${reason}`;
  if (option === '') return `volume '${volume}' is not in effect as the volfile has it: ${reason}`;
  return `option '${option}${value === '' ? '' : ` ${value}`}' of volume '${volume}' is not in effect: ${reason}`;
}

/** Why the brick accepts no client; '' if it does. */
export function withheldBy(unapplied: readonly Unapplied[]): string {
  const guard = unapplied.find((u) => u.guards);
  return guard === undefined ? '' : `the brick does not serve: ${unappliedText(guard)}`;
}

/** What the main thread keeps of a brick for the handshake and for glusterd. Structured-clonable. */
export interface BrickFacts {
  brick: ByteString;
  serverName: string;
  volumeId: string | undefined;
  authOptions: [string, string][];
  allowInsecure: boolean;
  strictAuth: boolean;
  dynamicAuth: boolean;
  /** Null: its connections are plain. */
  tls: TlsProfile | null;
  finalGraph: string;
  /** What of its volfile is not in effect. */
  unapplied: readonly Unapplied[];
  listen: { port: number | undefined; bindAddress: string; backlog: number; family: 4 | 6 };
}

/** The rules by which a brick lets clients in. */
export function authRules(facts: BrickFacts): AuthRules {
  return new AuthRules(new Map(facts.authOptions), facts.allowInsecure, facts.strictAuth, facts.tls !== null);
}

/** The volume of a brick, after which glusterd calls the brick's server volume; '' if it has another name. */
export function volumeOf(serverName: string): string {
  return serverName.endsWith('-server') ? serverName.slice(0, -'-server'.length) : '';
}
