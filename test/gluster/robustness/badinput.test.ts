/** What a brick makes of bad bytes, bad peers, bad volfiles and bad directories: a clear error, and it serves on. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'badinput', { timeoutS: 180 });
