/** Every translator type of brick volfiles: its options, and how it is made. */

import type { Translator, TranslatorInit } from '../../mux/xlator/translator.js';
import { PosixTranslator } from '../../posix/translator.js';
import type { OptionTable } from '../../volfiles/options.js';
import { catalog } from './catalog.js';
import { DelayGenTranslator } from './debug/delay-gen/delay-gen.js';
import { ErrorGenTranslator } from './debug/error-gen/error-gen.js';
import { IoStatsTranslator } from './debug/io-stats/io-stats.js';
import { ArbiterTranslator } from './features/arbiter/arbiter.js';
import { BarrierTranslator } from './features/barrier/barrier.js';
import { BitrotStubTranslator } from './features/bitrot-stub/bitrot-stub.js';
import { ChangelogTranslator } from './features/changelog/changelog.js';
import { IndexTranslator } from './features/index/index.js';
import { LocksTranslator } from './features/locks/locks.js';
import { ReadOnlyTranslator } from './features/read-only/read-only.js';
import { SdfsTranslator } from './features/sdfs/sdfs.js';
import { SelinuxTranslator } from './features/selinux/selinux.js';
import { SimpleQuotaTranslator } from './features/simple-quota/simple-quota.js';
import { ThinArbiterTranslator } from './features/thin-arbiter/thin-arbiter.js';
import { TrashTranslator } from './features/trash/trash.js';
import { UpcallTranslator } from './features/upcall/upcall.js';
import { passThrough } from './pass-through.js';
import { IoThreadsTranslator } from './performance/io-threads/io-threads.js';
import { PosixAclTranslator } from './system/posix-acl/posix-acl.js';

/** The options that a translator gets are those of its table; the graph builder has checked them. */
// biome-ignore lint/suspicious/noExplicitAny: each class knows the type of its own options
type Create = (init: TranslatorInit<any>) => Translator | null;

const creators: Readonly<Record<string, Create>> = {
  'storage/posix': (init) => new PosixTranslator(init),
  'system/posix-acl': (init) => new PosixAclTranslator(init),
  'features/arbiter': (init) => new ArbiterTranslator(init),
  'features/barrier': (init) => new BarrierTranslator(init),
  'features/bitrot-stub': (init) => new BitrotStubTranslator(init),
  'features/changelog': (init) => new ChangelogTranslator(init),
  'features/index': (init) => new IndexTranslator(init),
  'features/locks': (init) => new LocksTranslator(init),
  'features/read-only': (init) => new ReadOnlyTranslator(init),
  'features/sdfs': (init) => new SdfsTranslator(init),
  'features/selinux': (init) => new SelinuxTranslator(init),
  'features/simple-quota': (init) => new SimpleQuotaTranslator(init),
  'features/thin-arbiter': (init) => new ThinArbiterTranslator(init),
  'features/trash': (init) => new TrashTranslator(init),
  'features/upcall': (init) => new UpcallTranslator(init),
  'performance/io-threads': (init) => new IoThreadsTranslator(init),
  'debug/delay-gen': (init) => new DelayGenTranslator(init),
  'debug/error-gen': (init) => new ErrorGenTranslator(init),
  'debug/io-stats': (init) => new IoStatsTranslator(init),
  // The server itself: what it does, sessions do.
  'protocol/server': () => null,
};

/** What is implemented of the demands that the catalog lists: types, and parts of types. What else is enabled is refused. */
export const implemented: ReadonlySet<string> = new Set([
  'storage/posix',
  'protocol/server',
  'protocol/server#squash',
  'protocol/server#manage-gids',
  'system/posix-acl',
  'features/locks',
  'features/locks#mandatory',
  'features/locks#enforce',
  'features/locks#revocation',
  'features/locks#monkey',
  'features/arbiter',
  'features/barrier',
  'features/index',
  'features/read-only',
  'features/sdfs',
  'features/selinux',
  'features/simple-quota',
  'features/thin-arbiter',
  'features/trash',
  'features/upcall',
  'debug/delay-gen',
  'debug/error-gen',
  'debug/io-stats',
]);

export interface TranslatorType {
  readonly options: OptionTable;
  /** Null: nothing to run; the stack is linked without it. */
  create(init: TranslatorInit<unknown>): Translator | null;
}

/** The translator that a volfile's type names, by whichever of its names; undefined when there is none. */
export function lookupTranslator(type: string): TranslatorType | undefined {
  const entry = catalog.get(type);
  if (entry === undefined) return undefined;
  return { options: entry.table, create: creators[entry.type] ?? passThrough };
}
