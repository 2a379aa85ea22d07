/** Directories that glusterfsd is built with, where Gluster's tools look for files of a brick process. */
export const STATEDUMP_DIRECTORY = '/var/run/gluster';
export const LOG_DIRECTORY = '/var/log/glusterfs';
