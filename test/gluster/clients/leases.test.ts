/** Leases as NFS-Ganesha and Samba take them, by libgfapi. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'leases', { timeoutS: 200 });
