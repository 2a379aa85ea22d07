/** Defaults of GlusterFS for TLS options. */

/** For TLS 1.2 and older; those of TLS 1.3 are OpenSSL's own. */
export const DEFAULT_CIPHERS = 'EECDH:EDH:HIGH:!3DES:!RC4:!DES:!MD5:!aNULL:!eNULL';

/** Authorities between a certificate and its root. */
export const DEFAULT_DEPTH = 1;
