/** The stock signer and scrubber work with our bricks; signatures hold with either program. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'bitrot', { timeoutS: 150 });
