/** A volume of two copies and an arbiter: data stays off the arbiter, which tells good copies from stale ones. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'arbiter', { timeoutS: 150 });
