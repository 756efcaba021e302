// Starts the built server on a free port with a data folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const topics = path.join(root, 'profiles/topics');
export const binary = path.resolve(process.env.BELFRY ?? path.join(root, 'build/release/belfry'));

export class Server {
  constructor({ args = [], data, topics = path.join(root, 'profiles/topics') } = {}) {
    this.args = args;
    this.data = data;
    this.topics = topics;
    this.log = '';
  }

  // A port given once is kept for later starts, so that URLs stay true.
  async start() {
    this.data ??= await mkdtemp(path.join(tmpdir(), 'belfry-e2e-'));
    this.launch();
    this.base = await this.#ready();
    this.port = Number(new URL(this.base).port);
    return this;
  }

  // Without waiting until it is ready.
  launch() {
    const listen = `127.0.0.1:${this.port ?? 0}`;
    this.child = spawn(binary, ['serve', '--dev', '--listen', listen,
      '--data', this.data, '--topics', this.topics,
      '--handshake-delay', '20', ...this.args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
    this.child.stderr.on('data', (d) => { this.log += d; });
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  #ready() {
    return new Promise((resolve, reject) => {
      let out = '';
      const timer = setTimeout(() => reject(new Error(`not ready: ${out}${this.log}`)), 30000);
      this.child.stdout.on('data', (d) => {
        out += d;
        const m = /^belfry: listening on (\S+)$/m.exec(out);
        if (m) {
          clearTimeout(timer);
          resolve(m[1]);
        }
      });
      this.child.on('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`exit ${code}: ${this.log}`));
      });
    });
  }

  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null)
      this.child.kill(signal);
    return this.exited;
  }

  async remove() {
    await this.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  // fetch() with FHIR's content type; body may be text or an object.
  async fhir(method, url, body, headers = {}) {
    const target = url.startsWith('http') ? url : `${this.base}/${url}`;
    const response = await fetch(target, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let json;
    try { json = JSON.parse(text); } catch { /* not JSON: the test will say */ }
    return { status: response.status, headers: response.headers, text, json };
  }

  put(resource) {
    return this.fhir('PUT', `${resource.resourceType}/${resource.id}`, resource);
  }
}
