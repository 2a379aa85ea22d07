/**
 * Derives the credentials that a fop runs with from those of its request: squashing, and group lists from the server
 * (server.manage-gids).
 */

import type { ClientState } from '../brick/client.js';
import type { CredentialRules } from '../brick/server-rules.js';
import type { CallHeader } from '../wire/rpc.js';
import { type Call, ClientPid } from '../xlator/call.js';
import { userGroups } from './user-groups.js';

/** gNFS calls with this pid. */
const NFS_PID = 1;

/** Internal clients with a login of the pool that squashing spares. */
const SPARED = new Set<number>([
  ClientPid.noRootSquash,
  ClientPid.gsyncd,
  ClientPid.defrag,
  ClientPid.selfHeald,
  ClientPid.quotaMount,
]);

const ROOT_GROUPS: readonly number[] = Object.freeze([]);

/** Sets a call's groups from the server's user database. False: they must be looked up first. */
function takeServerGroups(call: Call, timeoutSec: number): boolean {
  if (call.uid === 0) {
    call.groups = ROOT_GROUPS;
    return true;
  }
  const user = userGroups.known(call.uid, timeoutSec);
  if (user === undefined) return false;
  // For a user that this machine does not know, the request's groups are used.
  if (user.groups !== null) call.groups = user.groups;
  return true;
}

/** Looks up the groups that {@link credentialsOf} did not know, then calls `done`. */
export function lookUpGroups(call: Call, done: () => void): void {
  userGroups.lookUp(call.uid, done);
}

/** Sets a call's groups from a finished lookup. */
export function applyFoundGroups(call: Call): void {
  const groups = userGroups.last(call.uid);
  if (groups !== null) call.groups = groups;
}

/** Fills a call's credentials from its request. False: its user's groups are not known, see {@link lookUpGroups}. */
export function credentialsOf(h: CallHeader, client: ClientState, rules: CredentialRules, call: Call): boolean {
  call.uid = h.uid;
  call.gid = h.gid;
  call.pid = h.pid;
  call.privileged = h.uid === 0 || h.pid < 0;
  call.groups = h.groups;
  call.lkOwner = h.lkOwner;
  call.timeFlags = h.timeFlags;
  call.timeSec = h.timeSec;
  call.timeNsec = h.timeNsec;
  if (rules.rootSquash || rules.allSquash) squash(client, rules, call);
  return !rules.manageGids || takeServerGroups(call, rules.gidTimeoutSec);
}

function squash(client: ClientState, rules: CredentialRules, call: Call): void {
  if (call.pid !== NFS_PID && client.trusted && SPARED.has(call.pid)) return;
  if (!client.trusted) call.privileged = false;
  if (rules.allSquash) {
    call.uid = rules.anonUid;
    call.gid = rules.anonGid;
    call.groups = [];
  } else if (rules.rootSquash) {
    if (call.uid === 0) call.uid = rules.anonUid;
    if (call.gid === 0) call.gid = rules.anonGid;
    call.groups = call.groups.map((g) => (g === 0 ? rules.anonGid : g));
  }
}
