/** From the credentials of a request to those that the fop runs with: squashing and server-side group lists. */
import { addon } from '../native/addon.js';
import { type Call, ClientPid } from '../posix/contract/call.js';
import type { ClientState } from './client.js';
import type { CallHeader } from './wire/rpc.js';

/** gNFS calls with this pid. */
const NFS_PID = 1;

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

/** Internal clients with a login of the pool that squashing spares. */
const SPARED = new Set<number>([
  ClientPid.noRootSquash,
  ClientPid.gsyncd,
  ClientPid.defrag,
  ClientPid.selfHeald,
  ClientPid.quotaMount,
]);

interface CachedGroups {
  /** Null: this machine does not know the user. */
  groups: readonly number[] | null;
  foundMs: number;
}
/** What this machine says of users: the same for all bricks, but for how long each of them relies on it. */
const groupCache = new Map<number, CachedGroups>();
const MAX_CACHED_USERS = 10000;

function groupsOf(uid: number, timeoutSec: number, sent: readonly number[]): readonly number[] {
  if (uid === 0) return [];
  const now = Date.now();
  const cached = groupCache.get(uid);
  if (cached !== undefined && now - cached.foundMs < timeoutSec * 1000) return cached.groups ?? sent;
  const found = addon.groupsOf(uid);
  const groups = typeof found === 'number' ? null : found;
  if (groupCache.size >= MAX_CACHED_USERS) groupCache.clear();
  groupCache.set(uid, { groups, foundMs: now });
  return groups ?? sent;
}

/** Fills a call's credentials from its request. */
export function credentialsOf(h: CallHeader, client: ClientState, rules: CredentialRules, call: Call): void {
  call.uid = h.uid;
  call.gid = h.gid;
  call.pid = h.pid;
  call.groups = h.groups;
  call.lkOwner = h.lkOwner;
  call.timeFlags = h.timeFlags;
  call.timeSec = h.timeSec;
  call.timeNsec = h.timeNsec;
  if (rules.rootSquash || rules.allSquash) squash(client, rules, call);
  if (rules.manageGids) call.groups = groupsOf(call.uid, rules.gidTimeoutSec, h.groups);
}

function squash(client: ClientState, rules: CredentialRules, call: Call): void {
  if (call.pid !== NFS_PID && client.trusted && SPARED.has(call.pid)) return;
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
