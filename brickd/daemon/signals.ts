/** Signal handlers of a brick process. */

export interface SignalActions {
  /** TERM and INT. */
  end(signal: number): void;
  /** HUP: reopen the log, fetch the volfiles again, and read the settings of the metrics again. */
  reload(): void;
  /** USR1. */
  statedump(): void;
  /** USR2. */
  metrics(): void;
}

const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const;

/** Node ignores SIGPIPE from the start. */
export function handleSignals(actions: SignalActions): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => actions.end(NUMBERS[name]));
  process.on('SIGHUP', () => actions.reload());
  process.on('SIGUSR1', () => actions.statedump());
  process.on('SIGUSR2', () => actions.metrics());
}
