/** Directories that glusterfsd is built with: where its tools look for what a brick process writes. */
export const STATEDUMP_DIRECTORY = '/var/run/gluster';
export const LOG_DIRECTORY = '/var/log/glusterfs';
