// A subscriber's endpoint: keeps what it got and checks each signature with
// the Standard Webhooks library.
import http from 'node:http';
import { Webhook } from 'standardwebhooks';

export class Receiver {
  constructor({ secret, port = 0 } = {}) {
    this.secret = secret;
    this.port = port;
    this.got = [];
    this.bad = [];
    this.answer = 200; // a status, or a function of the notification
    this.waiters = [];
  }

  async start() {
    this.http = http.createServer((request, response) => this.#receive(request, response));
    await new Promise((resolve) => this.http.listen(this.port, '127.0.0.1', resolve));
    this.http.unref(); // a test that failed must not keep the process
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}/hook`;
    return this;
  }

  #receive(request, response) {
    const chunks = [];
    request.on('data', (c) => chunks.push(c));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const note = this.#note(request.headers, body);
      const status = typeof this.answer === 'function' ? this.answer(note) : this.answer;
      note.answered = status;
      response.writeHead(status, this.headers ?? {}).end();
      this.got.push(note);
      this.waiters.splice(0).forEach((w) => w());
    });
  }

  #note(headers, body) {
    try {
      if (this.secret) new Webhook(this.secret).verify(body, headers);
    } catch (error) {
      this.bad.push(`${error.message}: ${body.slice(0, 80)}`);
    }
    const bundle = JSON.parse(body);
    const parameters = bundle.entry[0].resource.parameter;
    const one = (name) => parameters.find((p) => p.name === name);
    const part = (event, name) => event.part.find((p) => p.name === name);
    return {
      headers, body, bundle,
      type: one('type').valueCode,
      status: one('status').valueCode,
      topic: one('topic')?.valueCanonical,
      since: one('events-since-subscription-start').valueString,
      events: parameters.filter((p) => p.name === 'notification-event').map((event) => ({
        number: Number(part(event, 'event-number').valueString),
        timestamp: part(event, 'timestamp')?.valueInstant,
        focus: part(event, 'focus')?.valueReference.reference,
      })),
      entries: bundle.entry.slice(1),
    };
  }

  // All events acknowledged so far, in the order of arrival.
  get events() {
    return this.got.filter((n) => n.answered < 300).flatMap((n) => n.events);
  }

  async until(what, ms = 15000) {
    const deadline = Date.now() + ms;
    while (!what(this)) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`not received in time; got ${this.got.map((n) => `${n.type}[${n.events.map((e) => e.number)}]`).join(' ')}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
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
