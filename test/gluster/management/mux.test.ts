/** Brick multiplexing as glusterd drives it: attach, detach, failure and return of single bricks of one process. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'mux', { timeoutS: 240 });
