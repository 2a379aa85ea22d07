/** The options of protocol/server that a brick and its sessions use at run time. */
import type { KeepaliveOptions } from '../transport/socket-options.js';

/** The server options that decide about credentials. */
export interface CredentialRules {
  rootSquash: boolean;
  allSquash: boolean;
  anonUid: number;
  anonGid: number;
  /** Take groups from this machine's user database instead of the request. */
  manageGids: boolean;
  gidTimeoutSec: number;
}

/** What the server translator's options say about one brick's sessions. */
export interface ServerRules extends CredentialRules {
  inodeLruLimit: number;
  /** Fops of one connection in progress before its reading pauses; 0: no bound. */
  outstandingRpcLimit: number;
  /** Of connections that it gets from now on. */
  keepalive: KeepaliveOptions;
  /** As the one before; 0: as the kernel has it. */
  windowBytes: number;
}
