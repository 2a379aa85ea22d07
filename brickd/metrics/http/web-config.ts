/**
 * TLS and users of the metrics endpoint, from the file that Prometheus and its exporters take as --web.config.file: the
 * same keys with the same meaning. The file and its certificates are read again when they change.
 */
import { readFileSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, resolve } from 'node:path';
import { getCiphers, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { ConfigError, YamlFile, type YamlMap } from './yaml-file.js';

const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
export type ClientAuth = (typeof CLIENT_AUTH)[number];

const VERSIONS: Record<string, SecureVersion> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};
const CURVES: Record<string, string> = {
  CurveP256: 'prime256v1',
  CurveP384: 'secp384r1',
  CurveP521: 'secp521r1',
  X25519: 'X25519',
};
const HEADERS = [
  'Content-Security-Policy',
  'X-Frame-Options',
  'X-Content-Type-Options',
  'X-XSS-Protection',
  'Strict-Transport-Security',
] as const;
/** What bcrypt's hashes look like. */
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

export interface TlsSettings {
  context: SecureContextOptions;
  clientAuth: ClientAuth;
}

export interface WebSettings {
  tls: TlsSettings | undefined;
  /** bcrypt hashes by user; empty: everybody may. */
  users: ReadonlyMap<string, string>;
  headers: ReadonlyMap<string, string>;
}

/** OpenSSL's name of a cipher suite that goes by the name of the standard; undefined if there is none. */
export function cipherName(standard: string): string | undefined {
  const known = getCiphers();
  if (known.includes(standard.toLowerCase())) return standard;
  const name = standard
    .replace(/^TLS_(RSA_WITH_)?/, '')
    .replace('_WITH_', '-')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace(/CHACHA20_POLY1305.*/, 'CHACHA20-POLY1305')
    .replace('_CBC_', '_')
    .replaceAll('_', '-');
  return known.includes(name.toLowerCase()) ? name : undefined;
}

/** Reads the file. Throws a ConfigError, with lines, for whatever is wrong. */
export function readWebConfig(path: string): WebSettings {
  let file: YamlFile;
  try {
    file = YamlFile.read(path);
  } catch (error) {
    throw new ConfigError([`${path}: ${(error as Error).message}`]);
  }
  const root = file.root.only('tls_server_config', 'http_server_config', 'basic_auth_users');
  const tls = tlsOf(root.map('tls_server_config'), dirname(path));
  const users = new Map<string, string>();
  const given = root.map('basic_auth_users');
  for (const user of given.keys()) {
    const hash = given.text(user);
    if (hash === undefined) continue;
    if (BCRYPT.test(hash)) users.set(user, hash);
    else given.wrong(user, 'not a hash made by bcrypt');
  }
  const http = root.map('http_server_config').only('http2', 'headers');
  http.boolean('http2');
  const headers = new Map<string, string>();
  const named = http.map('headers').only(...HEADERS);
  for (const name of HEADERS) {
    const value = named.text(name);
    if (value !== undefined) headers.set(name, value);
  }
  file.check();
  return { tls, users, headers };
}

function tlsOf(map: YamlMap, folder: string): TlsSettings | undefined {
  if (!map.there) return undefined;
  map.only(
    'cert_file',
    'key_file',
    'client_auth_type',
    'client_ca_file',
    'min_version',
    'max_version',
    'cipher_suites',
    'prefer_server_cipher_suites',
    'curve_preferences',
  );
  const content = (key: string, needed: boolean): Buffer | undefined => {
    const path = map.text(key);
    if (path === undefined) {
      if (needed) map.wrong(key, 'is missing');
      return undefined;
    }
    try {
      return readFileSync(resolve(folder, path));
    } catch (error) {
      map.wrong(key, (error as Error).message);
      return undefined;
    }
  };
  const clientAuth = map.choice('client_auth_type', CLIENT_AUTH) ?? 'NoClientCert';
  const version = (key: string): SecureVersion | undefined => VERSIONS[map.choice(key, Object.keys(VERSIONS)) ?? ''];
  const ciphers = map.list('cipher_suites').flatMap(({ text, wrong }) => {
    const name = cipherName(text);
    if (name === undefined) wrong(`there is no cipher suite ${text}`);
    return name ?? [];
  });
  const curves = map.list('curve_preferences').flatMap(({ text, wrong }) => {
    if (CURVES[text] === undefined) wrong(`${text} is none of ${Object.keys(CURVES).join(', ')}`);
    return CURVES[text] ?? [];
  });
  const context: SecureContextOptions = {
    cert: content('cert_file', true),
    key: content('key_file', true),
    ca: content('client_ca_file', clientAuth.includes('Verify')),
    minVersion: version('min_version') ?? 'TLSv1.2',
    maxVersion: version('max_version') ?? 'TLSv1.3',
    honorCipherOrder: map.boolean('prefer_server_cipher_suites') ?? true,
    ...(ciphers.length > 0 ? { ciphers: ciphers.join(':') } : {}),
    ...(curves.length > 0 ? { ecdhCurve: curves.join(':') } : {}),
  };
  return { context, clientAuth };
}

/** The files in use, for {@link changed}: the web configuration and the certificates that it names. */
function watched(path: string): string[] {
  try {
    const tls = YamlFile.read(path).root.map('tls_server_config');
    const names = ['cert_file', 'key_file', 'client_ca_file'].flatMap((key) => tls.text(key) ?? []);
    return [path, ...names.map((name) => resolve(dirname(path), name))];
  } catch {
    return [path];
  }
}

/** Tells one state of the files from another. */
export function stateOf(path: string): string {
  const times = watched(path).map((file) => {
    try {
      const { mtimeMs, size, ino } = statSync(file);
      return `${mtimeMs}/${size}/${ino}`;
    } catch {
      return 'missing';
    }
  });
  return times.join(' ');
}

export function addHeaders(response: ServerResponse, settings: WebSettings): void {
  for (const [name, value] of settings.headers) response.setHeader(name, value);
}
