/** The real Prometheus scrapes brick processes that it finds by their file of targets; dashboards and rules get their answers. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'prometheus', { timeoutS: 120, needs: ['prometheus'] });
