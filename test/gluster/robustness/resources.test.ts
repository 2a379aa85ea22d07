/** What an idle brick process takes, how soon it is there, and that it gives back what clients made it take. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'resources', { timeoutS: 120 });
