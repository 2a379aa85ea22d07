/** Versions that brickd reports. */

/** brickd's own version. */
export const VERSION = '0.1.0';
/** The GlusterFS releases whose protocols and volfiles brickd speaks; logs and tools are told them. */
export const GLUSTER_RELEASES = '10 and 11';
/**
 * Op-versions of clusters that volfiles may be written for, told with each request for one (GETSPEC). The greatest is that of the
 * latest release: an older glusterd knows nothing of it and refuses only who supports less than a volume needs.
 */
export const MIN_OP_VERSION = 1;
export const MAX_OP_VERSION = 110000;

export const versionText = (): string =>
  `brickd ${VERSION}\nProtocol level: glusterfs ${GLUSTER_RELEASES} (op-version ${MIN_OP_VERSION} to ${MAX_OP_VERSION})\n`;
