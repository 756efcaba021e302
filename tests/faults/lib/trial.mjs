// One data folder, a server that dies on it again and again, and the checks
// after each death.
import assert from 'node:assert/strict';
import { belfry } from '../../e2e/lib/command.mjs';
import { Server } from '../../e2e/lib/server.mjs';
import { newSecret, subscription } from '../../e2e/lib/subscription.mjs';
import { Inbox } from './inbox.mjs';
import { Load, patients, topic } from './load.mjs';

export const topics = new URL('../topics', import.meta.url).pathname;

export class Trial {
  constructor({ clients, failing = 0.02, args = [], env = {} } = {}) {
    this.server = new Server({ topics, args: ['--retry-schedule', '1', '--drain', '5', ...args] });
    this.server.env = env;
    this.inbox = new Inbox({ secret: newSecret() });
    this.inbox.failing = failing;
    this.clients = clients;
  }

  // A subscription for all and one for each patient, which live throughout.
  async open() {
    await this.inbox.start();
    await this.server.start();
    this.load = new Load(this.server, {
      clients: this.clients, churn: { url: this.inbox.url, secret: this.inbox.secret },
    });
    await this.#subscribe('all', []);
    for (let p = 0; p < patients; p++) await this.#subscribe(`p${p}`, [`patient=Patient/p${p}`]);
    return this;
  }

  async #subscribe(id, filters) {
    const made = await this.server.fhir('PUT', `Subscription/${id}`, { ...subscription({
      topic, endpoint: `${this.inbox.url}/${id}`, secret: this.inbox.secret, filters }), id });
    assert.equal(made.status, 201, made.text);
  }

  async verify() {
    const { code, signal, err } = await belfry('verify', '--data', this.server.data);
    assert.equal(code, 0, `verify: ${signal ?? ''} ${err}`);
  }

  // What was written in this life of the server and a few older resources.
  async checkSome() {
    const ids = [...this.load.known.keys()];
    const some = ids.slice(-40);
    for (let i = 0; i < 10 && ids.length > 40; i++) some.push(ids[Math.floor(Math.random() * ids.length)]);
    await this.load.check(some);
    assert.deepEqual(this.inbox.wrong, []);
    assert.deepEqual(this.inbox.bad, []);
  }

  async untilTold(ms = 60000) {
    await this.inbox.untilAll('all', this.load.changes(), ms);
    for (let p = 0; p < patients; p++) await this.inbox.untilAll(`p${p}`, this.load.changes(p), ms);
  }

  // Nothing lost, nothing strange, as many numbers as changes, and the server
  // counts the same.
  async checkAll() {
    await this.untilTold();
    await this.load.check();
    const streams = [['all', undefined], ...Array.from({ length: patients }, (_, p) => [`p${p}`, p])];
    for (const [name, patient] of streams) {
      const { lost, strange, extra } = this.inbox.judgeComplete(name, this.load.changes(patient));
      assert.deepEqual({ name, lost, strange, extra }, { name, lost: [], strange: [], extra: 0 });
      const { json } = await this.server.fhir('GET', `Subscription/${name}/$status`);
      const since = json.entry[0].resource.parameter.find((p) => p.name === 'events-since-subscription-start');
      assert.equal(Number(since.valueString), this.load.changes(patient).size, name);
    }
    assert.deepEqual(this.inbox.wrong, []);
    assert.deepEqual(this.inbox.bad, []);
  }

  // Told by tests that are run for their figures.
  summary() {
    return `${this.load.acknowledged} writes acknowledged, ${this.load.resolved} unanswered ones had happened, `
      + `${this.load.changes().size} changes, ${this.inbox.stream('all').highest} events of the widest subscription, `
      + `${this.load.subscriptions} short-lived subscriptions, 0 lost, ${this.inbox.repeated} told again`;
  }

  async close() {
    if (this.load) this.load.stopped = true;
    await this.server.remove();
    await this.inbox.stop();
  }
}
