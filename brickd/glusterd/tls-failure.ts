/** Errors of TLS connections to glusterd, with their cause. */

/** No TLS connection came about, or glusterd is not whom we trust. */
export class TlsFailure extends Error {
  /** The other side said nothing about it: it may have been busy, or just ending. */
  readonly unexplained: boolean;

  constructor(message: string, unexplained = false) {
    super(message);
    this.unexplained = unexplained;
  }
}

const CLOSED =
  'glusterd breaks the TLS handshake off; it may not have been restarted since the file secure-access was made';

/** The connection went away in its handshake. */
export const breakOff = (): TlsFailure => new TlsFailure(CLOSED, true);

export function failureOf(error: NodeJS.ErrnoException): TlsFailure {
  const { code = '', message } = error;
  if (code === 'ECONNRESET' || code === 'EPIPE') return breakOff();
  // OpenSSL's errors are the other side's or the protocol's; those without its prefix tell why a certificate is not trusted.
  if (isTlsAlert(error)) return new TlsFailure(`glusterd refuses us: ${reasonOf(error)}`);
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return new TlsFailure(`TLS failed: ${reasonOf(error)}`);
  return new TlsFailure(`certificate verify failed: ${message} (${code})`);
}

/** The other side ended TLS with a reason, which may come when the handshake is long over for this side. */
export const isTlsAlert = (error: NodeJS.ErrnoException): boolean => /_ALERT_/.test(error.code ?? '');

export function reasonOf(error: NodeJS.ErrnoException): string {
  const { reason } = error as { reason?: string };
  return reason ?? error.message.trim();
}
