/** Journals of changes as their consumers read them, whatever becomes of the brick meanwhile. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'changelog', { timeoutS: 150 });
