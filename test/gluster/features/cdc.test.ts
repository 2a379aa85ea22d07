/** Clients that compress what they send, and expect the same of bricks. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'cdc', { timeoutS: 120 });
