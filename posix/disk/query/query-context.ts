/** What queries of files need of the brick's directory. */
import type { DiskContext } from '../context.js';
import type { DirectoryCache } from '../descriptors/directory-cache.js';
import type { TimeRecords } from '../times/time-records.js';
import type { TimeStores } from '../times/time-stores.js';

/** What queries of a brick's directory use: the disk, and what is known of times and open directories. */
export interface QueryContext extends DiskContext {
  readonly mdata: TimeRecords;
  readonly timeStores: TimeStores;
  readonly dirs: DirectoryCache;
}
