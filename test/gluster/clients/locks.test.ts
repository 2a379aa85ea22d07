/** Record locks between clients. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'locks', { timeoutS: 120 });
