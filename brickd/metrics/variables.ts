/** Names of environment variables and files that hold settings of metrics. */
export const METRICS_VARIABLE = 'BRICKD_METRICS';
/** Names the configuration file. */
export const CONFIG_VARIABLE = 'BRICKD_CONFIG';
export const CONFIG_FILE = '/etc/brickd/brickd.yaml';
/** Instead of an address: no metrics. */
export const NO_METRICS = 'none';
