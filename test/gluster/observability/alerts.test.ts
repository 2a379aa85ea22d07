/** Each alert of an incident fires and clears, with the real Prometheus, the node exporter and real bricks. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'alerts', { timeoutS: 300, needs: ['prometheus'] });
