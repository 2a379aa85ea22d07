/** Credentials of calls under the server's options. */

import t from 'tap';
import { ClientState } from '../../../mux/brick/client.js';
import type { CredentialRules } from '../../../mux/brick/server-rules.js';
import { applyFoundGroups, credentialsOf, lookUpGroups } from '../../../mux/session/credentials.js';
import { CallHeader } from '../../../mux/wire/rpc.js';
import { Call } from '../../../mux/xlator/call.js';

const client = new ClientState({
  uid: 'c',
  opVersion: 100000,
  processName: '',
  peer: '',
  version: '',
  trusted: false,
  subdir: '/',
  credential: '',
  auth: {
    brick: '',
    peerAddress: '',
    peerPort: 0,
    username: undefined,
    password: undefined,
    subdir: '/',
    tlsName: null,
  },
});
const NONE: CredentialRules = {
  rootSquash: false,
  allSquash: false,
  anonUid: 65534,
  anonGid: 65534,
  manageGids: false,
  gidTimeoutSec: 300,
};

async function groups(uid: number, sent: number[], rules: Partial<CredentialRules>): Promise<readonly number[]> {
  const header = Object.assign(new CallHeader(), { uid, gid: uid, pid: 1, groups: sent });
  const call = new Call(client, 1);
  if (!credentialsOf(header, client, { ...NONE, ...rules }, call)) {
    await new Promise<void>((resolve) => lookUpGroups(call, resolve));
    applyFoundGroups(call);
    t.equal(credentialsOf(header, client, { ...NONE, ...rules }, call), true, 'known by now');
  }
  return call.groups;
}

t.test('groups of a user that this machine does not know are those that each request brings', async (t) => {
  t.same(await groups(3_999_999_999, [10, 11], { manageGids: true }), [10, 11]);
  t.same(await groups(3_999_999_999, [20], { manageGids: true }), [20], 'not those of a request before');
});

t.test('groups of a known user are looked up', async (t) => {
  t.notSame(await groups(1, [4711], { manageGids: true }), [4711]);
  t.same(await groups(1, [4711], { manageGids: false }), [4711]);
  t.same(await groups(0, [4711], { manageGids: true }), []);
});
