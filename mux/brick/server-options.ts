/** Options of protocol/server: port and address, transport, authorization. */
import {
  address,
  addressList,
  bool,
  each,
  int,
  list,
  oneOf,
  path,
  size,
  str,
  time,
} from '../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../volfiles/options.js';

const TRANSPORTS = [
  'tcp',
  'socket',
  'rpc',
  'unix',
  'rpc-over-rdma',
  'ib-verbs',
  'ib-sdp',
  'tcp/server',
  'ib-verbs/server',
  'rdma',
  'rdma,socket',
  'rdma,tcp',
  'tcp,rdma',
  'socket,rdma',
] as const;

/** What the server adds to its options when they are not given; the final graph in the log shows them. */
const IMPLIED = {
  'rpc-auth-allow-insecure': 'on',
  'rpc-auth.auth-null': 'on',
  'rpc-auth.auth-unix': 'on',
  'rpc-auth.auth-glusterfs': 'on',
};

export const options = defineOptions(
  {
    'transport-type': oneOf(TRANSPORTS, { required: true, live: false }),
    'transport.address-family': oneOf(['inet', 'inet6', 'unix', 'inet-sdp'], {
      aliases: ['address-family'],
      live: false,
    }),
    'transport.socket.listen-port': int({ aliases: ['listen-port'], min: 0, max: 65535, live: false }),
    'transport.socket.bind-address': address({ aliases: ['bind-address'], live: false }),
    'transport.socket.listen-path': str({ aliases: ['listen-path'], live: false }),
    'transport.listen-backlog': int({ default: '1024', min: 0 }),
    /** Seconds that sent data may stay unacknowledged; 0: the kernel's own limit. */
    'transport.tcp-user-timeout': time({ default: '42', min: 0, max: 1013 }),
    'transport.socket.nodelay': bool({ default: '1', live: false }),
    'transport.socket.keepalive': bool({ default: '1' }),
    /** Seconds. */
    'transport.socket.keepalive-time': int({ default: '20' }),
    'transport.socket.keepalive-interval': int({ default: '2' }),
    'transport.socket.keepalive-count': int({ default: '9' }),
    'transport.socket.own-thread': bool({ default: 'off', live: false }),
    'transport.socket.read-fail-log': bool({ default: 'on', live: false }),
    'transport.socket.ssl-enabled': bool({ default: 'off' }),
    'transport.socket.ssl-own-cert': str({ aliases: ['ssl-own-cert'] }),
    'transport.socket.ssl-private-key': str({ aliases: ['ssl-private-key'] }),
    'transport.socket.ssl-ca-list': str({ aliases: ['ssl-ca-list'] }),
    'transport.socket.ssl-cert-depth': int({ aliases: ['ssl-cert-depth'] }),
    'transport.socket.ssl-cipher-list': str({ aliases: ['ssl-cipher-list'] }),
    'transport.socket.ssl-dh-param': str({ aliases: ['ssl-dh-param'] }),
    'transport.socket.ssl-ec-curve': str({ aliases: ['ssl-ec-curve'] }),
    'transport.socket.ssl-crl-path': str({ aliases: ['ssl-crl-path'] }),
    'non-blocking-io': bool({ default: 'on', live: false }),
    'tcp-window-size': size({ min: 0, max: 1024 * 1024 }),
    'inode-lru-limit': int({ default: '16384', min: 0, max: 1048576 }),
    trace: bool({ default: 'off' }),
    'config-directory': path({ aliases: ['conf-dir'], live: false }),
    'rpc-auth-allow-insecure': bool({ aliases: ['allow-insecure'], default: 'on' }),
    'rpc-auth.auth-glusterfs': bool({ default: 'on', live: false }),
    'rpc-auth.auth-unix': bool({ default: 'on', live: false }),
    'rpc-auth.auth-null': bool({ default: 'on', live: false }),
    'root-squash': bool({ default: 'off' }),
    'all-squash': bool({ default: 'off' }),
    anonuid: int({ default: '65534', min: 0, max: 0xffffffff }),
    anongid: int({ default: '65534', min: 0, max: 0xffffffff }),
    'statedump-path': path({ default: '/var/run/gluster' }),
    /** Requests of one client in progress before its connection is no longer read; 0: no limit. */
    'rpc.outstanding-rpc-limit': int({ default: '64', min: 0, max: 65536 }),
    /** The server looks a user's groups up, in place of those that the client sent. */
    'manage-gids': bool({ default: 'off' }),
    /** Seconds for which looked-up groups hold. */
    'gid-timeout': int({ default: '300', min: 0 }),
    'event-threads': int({ default: '2', min: 1, max: 1024 }),
    /** Connections of clients that changed auth options no longer allow are closed. */
    'dynamic-auth': bool({ default: 'on' }),
    'strict-auth-accept': bool({ default: 'off' }),
    /** Name of the brick whose auth options decide. */
    'auth-path': str(),
    'auth.addr.*.allow': each(addressList()),
    'auth.addr.*.reject': each(addressList()),
    'auth.login.*.ssl-allow': each(list()),
    'auth.login.*.allow': each(list()),
    'auth.login.*.password': each(str()),
    'ssl-allow': list(),
    'volume-filename.*': each(path({ live: false })),
    'transport.*': each(str()),
  },
  { implied: IMPLIED, subvolumes: [1, Number.POSITIVE_INFINITY] },
);
export type ProtocolServerOptions = OptionsOf<typeof options>;
