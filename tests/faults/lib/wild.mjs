// Receivers that misbehave, a name server of the test's own, and what watches
// the server meanwhile.
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtemp, readFile, rm, writeFile, readdir } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

// Speaks HTTP over raw sockets: handshakes are answered as they should be,
// notifications by behave(socket, request).
export class Wild {
  constructor(behave, { tlsOptions, onConnection } = {}) {
    this.behave = behave;
    this.onConnection = onConnection;
    this.posts = []; // webhook-id of every notification that was read whole
    this.connections = 0;
    this.handshakes = 0;
    this.sockets = new Set();
    const take = (socket) => this.#take(socket);
    this.server = tlsOptions ? tls.createServer(tlsOptions, take) : net.createServer(take);
    this.server.on('tlsClientError', () => {});
  }

  async start(port = 0) {
    await new Promise((resolve) => { this.server.listen(port, '127.0.0.1', resolve); });
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  #take(socket) {
    let input = Buffer.alloc(0);
    this.connections++;
    this.sockets.add(socket);
    socket.requests = 0;
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    if (this.onConnection?.(socket, this) === 'taken') return;
    socket.on('data', (data) => {
      if (socket.wild) return;
      input = Buffer.concat([input, data]);
      for (;;) {
        const request = parse(input);
        if (!request) return;
        input = input.subarray(request.size);
        this.#answer(socket, request);
        if (socket.wild) return;
      }
    });
  }

  #answer(socket, request) {
    socket.requests++;
    if (/"valueCode":"handshake"/.test(request.body)) {
      this.handshakes++;
      socket.write(OK);
      return;
    }
    this.posts.push(request.headers['webhook-id']);
    this.behave(socket, request, this);
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => { this.server.close(resolve); });
  }
}

export const reply = (text) => (socket) => socket.write(text);
export const well = reply(OK);

function parse(input) {
  const end = input.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const headers = {};
  for (const line of input.subarray(0, end).toString('latin1').split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const size = end + 4 + Number(headers['content-length'] ?? 0);
  if (input.length < size) return null;
  return { headers, size, body: input.subarray(end + 4, size).toString('utf8') };
}

// Writes a piece (or what a function gives) again and again until the other
// side has enough.
export function pour(socket, piece, everyMs) {
  socket.wild = true;
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else if (socket.writableLength < 1 << 20) socket.write(typeof piece === 'function' ? piece() ?? '' : piece);
  }, everyMs).unref();
  socket.on('close', () => clearInterval(timer));
}

// Certificates of an authority of the test's own.
export async function authority() {
  const dir = await mkdtemp(path.join(tmpdir(), 'belfry-ca-'));
  const run = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = (name) => run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  key('ca');
  run('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=test authority', '-days', '2', '-out', 'ca.pem');
  return {
    caFile: path.join(dir, 'ca.pem'),
    // A certificate for the name; days below 0 is an expired one.
    async issue(name, { days = 2, selfSigned = false } = {}) {
      key(name);
      await writeFile(path.join(dir, `${name}.ext`), `subjectAltName=DNS:${name}\n`);
      run('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
      const signer = selfSigned ? ['-signkey', `${name}.key`] : ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      run('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`);
      return {
        key: await readFile(path.join(dir, `${name}.key`)),
        cert: await readFile(path.join(dir, `${name}.pem`)),
      };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

// A name server: records maps a name to a list of addresses, to a function
// that gives one, to 'nx', 'fail', or to 'hang' for no answer.
export class Names {
  constructor(records) {
    this.records = records;
    this.asked = {};
    this.socket = dgram.createSocket('udp4');
    this.socket.on('message', (query, from) => {
      const answer = this.#answer(query);
      if (answer) this.socket.send(answer, from.port, from.address);
    });
  }

  async start() {
    await new Promise((resolve) => { this.socket.bind(0, '127.0.0.1', resolve); });
    this.address = `127.0.0.1:${this.socket.address().port}`;
    return this;
  }

  #answer(query) {
    const labels = [];
    let at = 12;
    while (query[at]) {
      labels.push(query.subarray(at + 1, at + 1 + query[at]).toString('latin1'));
      at += query[at] + 1;
    }
    const question = query.subarray(12, at + 5);
    const type = query.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    const record = this.records[name] ?? 'nx';
    this.asked[name] = (this.asked[name] ?? 0) + (type === 1 ? 1 : 0);
    if (record === 'hang') return null;
    const error = { nx: 3, fail: 2 }[record] ?? 0;
    const addresses = error || type !== 1 ? [] : typeof record === 'function' ? record(this.asked[name]) : record;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | error, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(addresses.length, 6);
    const answers = addresses.map((a) => Buffer.concat([
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]), // TTL 1 s
      Buffer.from(a.split('.').map(Number)),
    ]));
    return Buffer.concat([head, question, ...answers]);
  }

  async stop() {
    await new Promise((resolve) => { this.socket.close(resolve); });
  }
}

// What the server holds at this moment.
export async function usage(server) {
  const proc = `/proc/${server.child.pid}`;
  const status = await readFile(`${proc}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  return {
    rssMb: field('VmRSS') / 1024,
    threads: field('Threads'),
    descriptors: (await readdir(`${proc}/fd`)).length,
  };
}

export async function metrics(server) {
  const text = await (await fetch(new URL('/metrics', server.base))).text();
  const values = {};
  for (const line of text.split('\n')) {
    const m = /^([^#\s]+) (\d+)$/.exec(line);
    if (m) values[m[1]] = Number(m[2]);
  }
  return values;
}

export async function statusOf(server, id) {
  const { json } = await server.fhir('GET', `Subscription/${id}/$status`);
  const parameters = json.entry[0].resource.parameter;
  const one = (name) => parameters.find((p) => p.name === name);
  return {
    status: one('status').valueCode,
    error: one('error')?.valueCodeableConcept.text ?? '',
    code: one('error')?.valueCodeableConcept.coding?.[0].code,
  };
}

export async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not in ${ms} ms: ${what}`);
    await new Promise((r) => { setTimeout(r, 25); });
  }
}
