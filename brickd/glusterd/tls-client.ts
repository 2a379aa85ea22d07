/** TLS on a connection to glusterd: both sides show certificates of an authority that the other trusts; names are not compared. */
import type { Socket } from 'node:net';
import { connect, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { breakOff, failureOf, TlsFailure } from './tls-failure.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Resolves with the encrypted connection; rejects with a TlsFailure, and the socket is closed then. */
export function secured(socket: Socket, secureContext: SecureContext, depth: number): Promise<TLSSocket> {
  const secure = connect({ socket, secureContext, checkServerIdentity: () => undefined });
  return new Promise((resolve, reject) => {
    const failed = (failure: TlsFailure): void => {
      clearTimeout(timer);
      secure.destroy();
      reject(failure);
    };
    const onError = (error: Error): void => failed(failureOf(error));
    const onClose = (): void => failed(breakOff());
    const timer = setTimeout(
      () => failed(new TlsFailure('glusterd does not answer the TLS handshake', true)),
      HANDSHAKE_TIMEOUT_MS,
    );
    secure.on('error', onError);
    secure.once('close', onClose);
    secure.once('secureConnect', () => {
      const authorities = authoritiesBetween(secure.getPeerCertificate(true));
      if (authorities > depth) {
        failed(
          new TlsFailure(`certificate verify failed: ${authorities} authorities below the root, ${depth} allowed`),
        );
        return;
      }
      clearTimeout(timer);
      secure.off('error', onError).off('close', onClose);
      resolve(secure);
    });
  });
}

/** Authorities between a certificate and the root that it leads to. */
function authoritiesBetween(leaf: DetailedPeerCertificate): number {
  let authorities = 0;
  for (let at = leaf.issuerCertificate; at !== undefined && at.issuerCertificate !== at; at = at.issuerCertificate) {
    if (at.issuerCertificate === undefined) break;
    authorities++;
  }
  return authorities;
}
