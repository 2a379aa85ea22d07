/** The same random operations on a stock brick and on a brickd brick: same results, same files, same bricks. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'differ', { timeoutS: Number(process.env['DIFFER_S'] ?? 150), plainLab: false });
