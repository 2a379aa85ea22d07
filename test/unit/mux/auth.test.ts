/** Who may use a brick. */
import t from 'tap';
import { AuthRules } from '../../../mux/brick/auth.js';

const brick = '/d/b1';
const base = { brick, peerAddress: '10.1.2.3', peerPort: 1000, username: undefined, password: undefined, subdir: '/' };

function rules(options: Record<string, string>, allowInsecure = true, strict = false): AuthRules {
  return new AuthRules(new Map(Object.entries(options)), allowInsecure, strict);
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
