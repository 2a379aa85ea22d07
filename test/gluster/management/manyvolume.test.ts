/** Many bricks of one volume as glusterd starts and attaches them, in one process; MANY_VOLUME_BRICKS for how many (60). */
import t from 'tap';
import { scenario } from '../scenario.js';

const count = process.env['MANY_VOLUME_BRICKS'] ?? '60';
await scenario(t, 'manyvolume', { timeoutS: 120 + 2 * Number(count), env: { MANY_VOLUME_BRICKS: count } });
