/** What a case of the QoS bench is, and the load that most use. */

export interface Setting {
  brickd: string;
  /** Length of one measurement. */
  seconds: number;
  /** Files of the heal. */
  files: number;
}

export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** Least and most; undefined: nothing is asked. */
  goal?: [number, number];
}

export interface Result {
  figures: Figure[];
  plots: [name: string, svg: string][];
}

export interface Case {
  name: string;
  run(s: Setting): Promise<Result>;
}

export const RANDOM_READ = ['--rw=randread', '--bs=4k'];

export const FILES = ['f0', 'f1', 'f2', 'f3'];
