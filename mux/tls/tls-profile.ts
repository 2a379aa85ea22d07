/** TLS as a brick's volfile asks for it. */
import { DEFAULT_CIPHERS, DEFAULT_DEPTH } from './defaults.js';

/** The options of a server volume that concern TLS. */
export interface TlsOptions {
  readonly 'transport.socket.ssl-enabled': boolean;
  readonly 'transport.socket.ssl-own-cert': string | undefined;
  readonly 'transport.socket.ssl-private-key': string | undefined;
  readonly 'transport.socket.ssl-ca-list': string | undefined;
  readonly 'transport.socket.ssl-cert-depth': number | undefined;
  readonly 'transport.socket.ssl-cipher-list': string | undefined;
  readonly 'transport.socket.ssl-dh-param': string | undefined;
  readonly 'transport.socket.ssl-ec-curve': string | undefined;
  readonly 'transport.socket.ssl-crl-path': string | undefined;
}

/** As GlusterFS has it. */
const DEFAULT_CURVE = 'prime256v1';

/** Structured-clonable. Paths are byte strings in latin1; null: see each. */
export interface TlsProfile {
  /** Two profiles are the same if their keys are. */
  readonly key: string;
  /** Null: the file of that purpose in the directory that all processes of Gluster use. */
  readonly certificate: string | null;
  readonly privateKey: string | null;
  readonly authorities: string | null;
  /** Authorities between a client's certificate and the root. */
  readonly depth: number;
  /** As OpenSSL has it; of TLS 1.3 all ciphers are taken. */
  readonly ciphers: string;
  readonly curve: string;
  /** Null: no key exchange by finite fields. */
  readonly dhParameters: string | null;
  /** Directory of revocation lists, by hashes of their issuers' names; null: revocation is not checked. */
  readonly revocation: string | null;
}

/** Null: the brick takes plain connections. */
export function tlsProfile(o: TlsOptions): TlsProfile | null {
  if (!o['transport.socket.ssl-enabled']) return null;
  const revocation = o['transport.socket.ssl-crl-path'];
  const profile = {
    certificate: o['transport.socket.ssl-own-cert'] ?? null,
    privateKey: o['transport.socket.ssl-private-key'] ?? null,
    authorities: o['transport.socket.ssl-ca-list'] ?? null,
    depth: o['transport.socket.ssl-cert-depth'] ?? DEFAULT_DEPTH,
    ciphers: o['transport.socket.ssl-cipher-list'] ?? DEFAULT_CIPHERS,
    curve: o['transport.socket.ssl-ec-curve'] ?? DEFAULT_CURVE,
    dhParameters: o['transport.socket.ssl-dh-param'] ?? null,
    revocation: revocation === undefined || revocation.toUpperCase() === 'NULL' ? null : revocation,
  };
  return { key: JSON.stringify(profile), ...profile };
}
