/** Fops that are slow, each for a reason of its own, and what brickd says of them. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'slow', { timeoutS: 240 });
