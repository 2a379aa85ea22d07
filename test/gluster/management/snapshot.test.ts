/** What a brick does when a snapshot of it is taken: its barrier, and a copy made behind it. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'snapshot', { timeoutS: 90 });
