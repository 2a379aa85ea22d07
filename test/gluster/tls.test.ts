/** TLS between clients and a brick: who is let in, what changes while the brick runs, and never plain text where TLS is asked for. */
import t from 'tap';
import { scenario } from './scenario.js';

await scenario(t, 'tls', { timeoutS: 240, needs: ['openssl'] });
