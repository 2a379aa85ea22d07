/** Disks that are full, have failed or are unmounted: clear errors, nothing lost, and work goes on when the cause is gone. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'disk', { timeoutS: 150 });
