/** Every translator's definition. Made by generate.js (npm run build:ts); do not edit. */
import { definition as delayGen } from './debug/delay-gen/definition.js';
import { definition as errorGen } from './debug/error-gen/definition.js';
import { definition as ioStats } from './debug/io-stats/definition.js';
import { definition as trace } from './debug/trace/definition.js';
import type { TranslatorDefinition } from './definition.js';
import { definition as arbiter } from './features/arbiter/definition.js';
import { definition as barrier } from './features/barrier/definition.js';
import { definition as bitrotStub } from './features/bitrot-stub/definition.js';
import { definition as cdc } from './features/cdc/definition.js';
import { definition as changelog } from './features/changelog/definition.js';
import { definition as index } from './features/index/definition.js';
import { definition as leases } from './features/leases/definition.js';
import { definition as locks } from './features/locks/definition.js';
import { definition as marker } from './features/marker/definition.js';
import { definition as namespace } from './features/namespace/definition.js';
import { definition as quota } from './features/quota/definition.js';
import { definition as readOnly } from './features/read-only/definition.js';
import { definition as sdfs } from './features/sdfs/definition.js';
import { definition as selinux } from './features/selinux/definition.js';
import { definition as simpleQuota } from './features/simple-quota/definition.js';
import { definition as thinArbiter } from './features/thin-arbiter/definition.js';
import { definition as trash } from './features/trash/definition.js';
import { definition as upcall } from './features/upcall/definition.js';
import { definition as worm } from './features/worm/definition.js';
import { definition as ioThreads } from './performance/io-threads/definition.js';
import { definition as template } from './playground/template/definition.js';
import { definition as server } from './protocol/server/definition.js';
import { definition as posix } from './storage/posix/definition.js';
import { definition as posixAcl } from './system/posix-acl/definition.js';
import { definition as qos } from './user/qos/definition.js';

export const definitions: readonly TranslatorDefinition[] = [
  delayGen,
  errorGen,
  ioStats,
  trace,
  arbiter,
  barrier,
  bitrotStub,
  cdc,
  changelog,
  index,
  leases,
  locks,
  marker,
  namespace,
  quota,
  readOnly,
  sdfs,
  selinux,
  simpleQuota,
  thinArbiter,
  trash,
  upcall,
  worm,
  ioThreads,
  template,
  server,
  posix,
  posixAcl,
  qos,
];
