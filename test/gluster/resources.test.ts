/** What a brick process takes: time to start, memory, descriptors, idle CPU. */
import t from 'tap';
import { scenario } from './scenario.js';

await scenario(t, 'resources', { timeoutS: 120 });
