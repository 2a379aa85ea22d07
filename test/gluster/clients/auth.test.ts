/** Who may connect to a brick: addresses, logins, ports, squashing; and connected clients when the rules change. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'auth', { timeoutS: 240, needs: ['python3', 'setpriv'] });
