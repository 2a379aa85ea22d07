/** The status page in a real browser, and `brickd top`, while bricks of the real glusterd are under load. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'page', { timeoutS: 300, needs: ['chromium'] });
