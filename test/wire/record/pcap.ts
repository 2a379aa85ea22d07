/** RPC records out of a packet capture (classic pcap format): TCP streams put together, record marks taken off. */

const ETHERNET = 1;

/** One record of one direction of a connection. */
export interface Captured {
  /** "client port>server port": the same for both directions of a connection. */
  connection: string;
  /** TCP port of the side that accepted the connection. */
  serverPort: number;
  fromServer: boolean;
  /** Without the record mark. */
  bytes: Buffer;
}

class Stream {
  #next = -1;
  #early = new Map<number, Buffer>();
  #data: Buffer[] = [];

  syn(sequence: number): void {
    this.#next = (sequence + 1) >>> 0;
  }

  add(sequence: number, data: Buffer): void {
    if (this.#next < 0) this.#next = sequence;
    this.#early.set(sequence, data);
    for (let d = this.#early.get(this.#next); d !== undefined; d = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      this.#data.push(d);
      this.#next = (this.#next + d.length) >>> 0;
    }
  }

  /** The whole records that are complete so far; the rest waits for more. */
  records(): Buffer[] {
    const all = Buffer.concat(this.#data);
    const found: Buffer[] = [];
    let at = 0;
    while (all.length - at >= 4) {
      const mark = all.readUInt32BE(at);
      const length = mark & 0x7fffffff;
      if (mark < 0x80000000 || at + 4 + length > all.length) break;
      found.push(all.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#data = [all.subarray(at)];
    return found;
  }
}

/** All records in the order of their last packet. Connections whose beginning was not captured are left out. */
export function records(pcap: Buffer): Captured[] {
  if (pcap.readUInt32LE(0) !== 0xa1b2c3d4 && pcap.readUInt32LE(0) !== 0xa1b23c4d)
    throw new Error('not a little-endian pcap file');
  if (pcap.readUInt32LE(20) !== ETHERNET) throw new Error('not a capture of Ethernet frames');
  const found: Captured[] = [];
  const connections = new Map<string, { serverPort: number; toServer: Stream; toClient: Stream }>();
  for (let at = 24; at + 16 <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const frame = pcap.subarray(at + 16, at + 16 + length);
    at += 16 + length;
    if (frame.length < 54 || frame.readUInt16BE(12) !== 0x0800 || frame[14 + 9] !== 6) continue;
    const ip = frame.subarray(14, 14 + frame.readUInt16BE(16));
    const tcp = ip.subarray((ip[0]! & 15) * 4);
    const from = tcp.readUInt16BE(0);
    const to = tcp.readUInt16BE(2);
    const sequence = tcp.readUInt32BE(4);
    const flags = tcp[13]!;
    const data = tcp.subarray((tcp[12]! >> 4) * 4);
    if ((flags & 0x12) === 0x02) {
      const opened = { serverPort: to, toServer: new Stream(), toClient: new Stream() };
      opened.toServer.syn(sequence);
      connections.set(`${from}>${to}`, opened);
      continue;
    }
    const outward = connections.get(`${from}>${to}`);
    const c = outward ?? connections.get(`${to}>${from}`);
    if (c === undefined) continue;
    const stream = outward === undefined ? c.toClient : c.toServer;
    if ((flags & 0x12) === 0x12) stream.syn(sequence);
    if (data.length === 0) continue;
    stream.add(sequence, data);
    const connection = outward === undefined ? `${to}>${from}` : `${from}>${to}`;
    for (const bytes of stream.records()) {
      found.push({ connection, serverPort: c.serverPort, fromServer: outward === undefined, bytes });
    }
  }
  return found;
}
