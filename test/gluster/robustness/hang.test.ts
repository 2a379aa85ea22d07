/**
 * Bricks of one process and one worker thread, one of which has a disk that hangs: a FUSE file system that stops answering,
 * an XFS that is frozen, with HANG_DEVICE=1 also one whose block device hangs. HANG sets for how many seconds, FACTOR and SLACK (ms) how much longer the others' p99 may get.
 */
import t from 'tap';
import { scenario } from '../scenario.js';

const hang = Number(process.env['HANG'] ?? 12);

await scenario(t, 'hang', { timeoutS: (process.env['HANG_DEVICE'] === '1' ? 3 : 2) * hang + 150 });
