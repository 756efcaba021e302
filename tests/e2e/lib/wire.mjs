// An endpoint that keeps each request as it came: method, path, headers, body.
import http from 'node:http';

export class Wire {
  constructor() {
    this.got = [];
    this.answer = 200;
    this.waiters = [];
  }

  async start() {
    this.http = http.createServer((request, response) => {
      const chunks = [];
      request.on('data', (c) => chunks.push(c));
      request.on('end', () => {
        response.writeHead(this.answer).end();
        this.got.push({
          method: request.method, path: request.url, headers: request.headers,
          body: Buffer.concat(chunks).toString('utf8'), answered: this.answer,
        });
        this.waiters.splice(0).forEach((w) => w());
      });
    });
    await new Promise((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    this.http.unref(); // a test that failed must not keep the process
    this.url = `http://127.0.0.1:${this.http.address().port}/in`;
    return this;
  }

  async until(n, ms = 15000) {
    const deadline = Date.now() + ms;
    while (this.got.length < n) {
      if (Date.now() > deadline) throw new Error(`got ${this.got.length} of ${n} requests`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
        this.waiters.push(() => { clearTimeout(timer); resolve(); });
      });
    }
    return this;
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}
