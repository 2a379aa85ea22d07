/** Names of the xattrs of Gluster's on-disk format. */
export const GFID_KEY = 'trusted.gfid';
export const VOLUME_ID_KEY = 'trusted.glusterfs.volume-id';
export const GFID2PATH_PREFIX = 'trusted.gfid2path.';
export const PGFID_PREFIX = 'trusted.pgfid.';
export const LINKTO_KEY = 'trusted.glusterfs.dht.linkto';
