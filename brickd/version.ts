/** Versions that brickd tells the world. */

/** brickd's own version. */
export const VERSION = '0.1.0';
/** The GlusterFS release whose protocols and volfiles brickd speaks; peers and tools are told this version. */
export const GLUSTER_VERSION = '10.3';
/** Range of cluster op-versions that volfiles may be written for (GETSPEC). */
export const MIN_OP_VERSION = 1;
export const MAX_OP_VERSION = 100000;

export const versionText = (): string =>
  `brickd ${VERSION}\nProtocol level: glusterfs ${GLUSTER_VERSION} (op-version ${MAX_OP_VERSION})\n`;
