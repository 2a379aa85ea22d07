/** Clients that cache for minutes see each other's changes at once: the brick tells them. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'upcall', { timeoutS: 90 });
