/** Write once, read many: file by file, and volumes of each kind as a whole. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'worm', { timeoutS: 240 });
