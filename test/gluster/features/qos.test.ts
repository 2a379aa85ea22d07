/** user/qos with the real glusterd and fio's libgfapi clients: ceilings, live changes, bad options, clients that go while they wait. */
import t from 'tap';
import { scenario, stock } from '../scenario.js';

if (stock) t.pass('qos', { skip: 'stock does not have it' });
else await scenario(t, 'qos', { timeoutS: 120, env: { BRICKD_WORKERS: '2' } });
