/** Who may use a brick. */
import t from 'tap';
import { AuthRules } from '../../../mux/brick/auth.js';

const brick = '/d/b1';
const base = {
  brick,
  peerAddress: '10.1.2.3',
  peerPort: 1000,
  username: undefined,
  password: undefined,
  subdir: '/',
  tlsName: null,
};

function rules(options: Record<string, string>, allowInsecure = true, strict = false, tls = false): AuthRules {
  return new AuthRules(new Map(Object.entries(options)), allowInsecure, strict, tls);
}

const LOGIN = { [`auth.login.${brick}.allow`]: 'u1,u2', 'auth.login.u1.password': 'p1' };
const ADDR = { [`auth.addr.${brick}.allow`]: '*' };

t.test('login', async (t) => {
  const r = rules({ ...LOGIN, ...ADDR });
  t.match(await r.check({ ...base, username: 'u1', password: 'p1' }), { accepted: true, trusted: true });
  t.match(await r.check({ ...base, username: 'u1', password: 'bad' }), { accepted: false });
  t.match(await r.check({ ...base, username: 'u2', password: 'p1' }), { accepted: false }, 'a user without password');
  t.match(await r.check(base), { accepted: true, trusted: false }, 'by address alone: accepted, not trusted');
  t.match(await rules({ ...LOGIN, ...ADDR }, true, true).check(base), { accepted: false }, 'strict');
});

t.test('addresses', async (t) => {
  const allow = (list: string) => rules({ [`auth.addr.${brick}.allow`]: list }).check(base);
  t.match(await allow('10.1.*'), { accepted: true });
  t.match(await allow('10.2.*,10.1.2.3'), { accepted: true });
  t.match(await allow('10.1.2.0/24'), { accepted: true });
  t.match(await allow('10.1.3.0/24'), { accepted: false });
  t.match(await allow('10.2.*'), { accepted: false });
  t.match(await allow('!10.1.*'), { accepted: false });
  t.match(await allow('/(10.1.*),/sub(*)'), { accepted: true });
  t.match(await allow('/sub(*)'), { accepted: false }, 'only for another directory');
  const both = rules({ ...ADDR, [`auth.addr.${brick}.reject`]: '10.1.2.3' });
  t.match(await both.check(base), { accepted: false }, 'reject wins');
  t.match(await rules({}).check(base), { accepted: false }, 'nobody cares: refused');
});

t.test('ports', async (t) => {
  const r = rules(ADDR, false);
  t.match(await r.check({ ...base, peerPort: 1024 }), { accepted: false });
  t.match(await r.check({ ...base, peerPort: 1023 }), { accepted: true });
});

t.test('a certificate', async (t) => {
  const listed = { [`auth.login.${brick}.ssl-allow`]: 'boss, node-*' };
  const tls = (tlsName: string) => ({ ...base, tlsName });
  const tlsRules = (options: Record<string, string>, strict = false) => rules(options, true, strict, true);
  const r = tlsRules({ ...LOGIN, ...ADDR, ...listed });
  t.match(await r.check(tls('boss')), { accepted: true, trusted: false });
  t.match(await r.check(tls('node-7')), { accepted: true });
  t.match(await r.check(tls('bosses')), { accepted: false });
  t.match(await r.check(tls('')), { accepted: false }, 'a certificate without a name');
  t.match(await r.check(base), { accepted: false }, 'no plain connection where TLS is wanted');
  const plain = rules({ ...ADDR, ...listed });
  t.match(await plain.check(base), { accepted: true }, 'without TLS the list of names says nothing');
  t.match(await plain.check(tls('boss')), { accepted: false }, 'no TLS where it is not wanted');
  const away = tlsRules({ ...listed, [`auth.addr.${brick}.allow`]: '10.9.9.9' });
  t.match(await away.check(tls('boss')), { accepted: true }, 'either list may open');
  t.match(await away.check(base), { accepted: false });
  const shut = tlsRules({ ...listed, ...ADDR, [`auth.addr.${brick}.reject`]: '10.1.*' });
  t.match(await shut.check(tls('boss')), { accepted: false }, 'a rejected address stays out');
  t.match(await tlsRules(ADDR).check(tls('anybody')), { accepted: true }, 'no list of names: the addresses decide');
  const nobody = tlsRules({ [`auth.addr.${brick}.allow`]: '10.9.9.9' });
  t.match(await nobody.check(tls('anybody')), { accepted: false });
  t.match(await r.check({ ...tls('boss'), username: 'u1', password: 'p1' }), { accepted: true, trusted: true });
  t.match(await r.check({ ...tls('boss'), username: 'u1', password: 'bad' }), { accepted: true, trusted: false });
  t.match(
    await r.check({ ...tls('eve'), username: 'u1', password: 'p1' }),
    { accepted: false },
    'no way round the list',
  );
  const strict = tlsRules({ ...LOGIN, ...ADDR, ...listed }, true);
  t.match(await strict.check(tls('boss')), { accepted: true }, 'strict is about passwords');
});

t.test('addresses of IPv6', async (t) => {
  const allow = async (list: string, peerAddress: string) =>
    (await rules({ [`auth.addr.${brick}.allow`]: list }).check({ ...base, peerAddress })).accepted;
  t.equal(await allow('fd00::7', 'fd00::7'), true);
  t.equal(await allow('fd00:0:0:0::0007', 'fd00::7'), true, 'however it is written');
  t.equal(await allow('fd00::8', 'fd00::7'), false);
  t.equal(await allow('fd00:99::/64', 'fd00:99::7'), true);
  t.equal(await allow('fd00:99::/64', 'fd00:98::7'), false);
  t.equal(await allow('fd00:99::/129', 'fd00:99::7'), false, 'no network');
  t.equal(await allow('fd00:99::/', 'fd00:99::7'), false);
  t.equal(await allow('fd00:99::*', 'fd00:99::7'), true);
  t.equal(await allow('0.0.0.0/0', 'fd00:99::7'), false);
  t.equal(await allow('::/0', '10.1.2.3'), false);
  t.equal(await allow('10.1.0.0/16', '::ffff:10.1.2.3'), true, 'an IPv4 client of an IPv6 brick');
  t.equal(await allow('10.1.2.3', '::ffff:10.1.2.3'), true);
  t.equal(await allow('10.1.*', '::ffff:10.1.2.3'), true);
  t.equal(await allow('::ffff:10.1.*', '::ffff:10.1.2.3'), true);
  t.equal(await allow('!10.1.*', '::ffff:10.1.2.3'), false);
  t.equal(await allow('fe80::1', 'fe80::1%eth0'), true);
  t.equal(await allow('localhost', '::ffff:127.0.0.1'), true);
});

t.test('networks, to the bit', async (t) => {
  const allow = async (list: string, peerAddress: string) =>
    (await rules({ [`auth.addr.${brick}.allow`]: list }).check({ ...base, peerAddress })).accepted;
  t.equal(await allow('10.88.0.0/30', '10.88.0.3'), true);
  t.equal(await allow('10.88.0.0/30', '10.88.0.4'), false);
  t.equal(await allow('10.88.0.1/32', '10.88.0.1'), true);
  t.equal(await allow('10.88.0.1/32', '10.88.0.2'), false);
  t.equal(await allow('10.96.0.0/13', '10.103.9.9'), true);
  t.equal(await allow('10.96.0.0/13', '10.104.0.0'), false);
  t.equal(await allow('0.0.0.0/0', '8.8.8.8'), true);
});

t.test('addresses beside directories', async (t) => {
  const r = rules({ [`auth.addr.${brick}.allow`]: '10.1.2.3,/one(10.9.*)' });
  const from = async (peerAddress: string, subdir: string) =>
    (await r.check({ ...base, peerAddress, subdir })).accepted;
  t.equal(await from('10.1.2.3', '/'), true);
  t.equal(await from('10.1.2.3', '/one'), true);
  t.equal(await from('10.9.0.1', '/one'), true);
  t.equal(await from('10.9.0.1', '/'), false);
  t.equal(await from('10.9.0.1', '/two'), false);
});
