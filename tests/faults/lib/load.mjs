// Mixed load whose every outcome is known: what was acknowledged, and of what
// got no answer, by looking, whether it happened. Each client has resources of
// its own, so a resource's versions are the client's own writes in order.
import assert from 'node:assert/strict';
import { subscription } from '../../e2e/lib/subscription.mjs';

export const topic = 'encounter-changed';
export const patients = 3;

const encounter = (id, patient, mark) => ({
  resourceType: 'Encounter', id, status: 'planned',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  identifier: [{ system: 'urn:test:mark', value: mark }],
  subject: { reference: `Patient/p${patient}` },
});

// What became of one resource: version -> { mark, kind }.
class Known {
  constructor(id, patient) {
    this.id = id;
    this.patient = patient;
    this.versions = [];
  }

  get version() { return this.versions.length; }

  get deleted() { return this.versions.at(-1)?.kind === 'delete'; }
}

export class Load {
  constructor(server, { clients = 8, churn } = {}) {
    this.server = server;
    this.clients = clients;
    this.churn = churn; // { url, secret } of short-lived subscriptions
    this.known = new Map();
    this.owned = Array.from({ length: clients }, () => []);
    this.acknowledged = 0;
    this.resolved = 0; // writes without an answer that had happened
    this.refused = new Map();
    this.writes = 0;
    this.subscriptions = 0;
    this.running = [];
  }

  start() {
    this.stopped = false;
    this.running = this.owned.map((_, client) => this.#run(client));
    if (this.churn) this.running.push(this.#churn());
  }

  // Ends the load; each client first finds out what became of its last write,
  // so the server must be there.
  async stop() {
    this.stopped = true;
    await Promise.all(this.running);
  }

  async #run(client) {
    while (!this.stopped) await this.#write(client);
  }

  // A new resource, or one of the last few again.
  #pick(client) {
    const owned = this.owned[client];
    if (owned.length && Math.random() < 0.6)
      return owned[Math.max(0, owned.length - 1 - Math.floor(Math.random() * 5))];
    const n = owned.length;
    const known = new Known(`c${client}-${n}`, n % patients);
    owned.push(known);
    this.known.set(known.id, known);
    return known;
  }

  async #write(client) {
    const known = this.#pick(client);
    const kind = known.version > 0 && !known.deleted && Math.random() < 0.2 ? 'delete' : 'put';
    const mark = `${client}-${this.writes++}`;
    let status = 0;
    try {
      status = (await this.#send(known, kind, mark)).status;
    } catch { /* the server is down: maybe it happened */ }
    if (status === 0) {
      await this.#resolve(known, kind, mark);
    } else if (status < 300) {
      this.acknowledged++;
      known.versions.push({ mark, kind, acknowledged: true });
    } else {
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
      await new Promise((r) => setTimeout(r, 5));
    }
  }

  #send(known, kind, mark) {
    return kind === 'delete'
      ? this.server.fhir('DELETE', `Encounter/${known.id}`)
      : this.server.put(encounter(known.id, known.patient, mark));
  }

  // Asks until there is an answer: is the write in the state or is it not?
  async #resolve(known, kind, mark) {
    const now = await this.#look(known.id);
    if (now.version === known.version) {
      assert.equal(now.deleted, known.deleted ?? false, known.id);
      return;
    }
    assert.equal(now.version, known.version + 1, `${known.id} has versions that nobody wrote`);
    assert.equal(now.deleted, kind === 'delete', known.id);
    if (!now.deleted) assert.equal(now.mark, mark, known.id);
    known.versions.push({ mark, kind });
    this.resolved++;
  }

  async #look(id) {
    for (;;) {
      try {
        const { status, json } = await this.server.fhir('GET', `Encounter/${id}`);
        if (status === 200)
          return { version: Number(json.meta.versionId), mark: json.identifier[0].value, deleted: false };
        if (status === 404) return { version: 0, deleted: false };
        if (status === 410) return { version: await this.#deletion(id), deleted: true };
      } catch { /* not up yet */ }
      await new Promise((r) => setTimeout(r, 10));
    }
  }

  // The version that is the deletion: the last one known, or the one behind it.
  async #deletion(id) {
    const { version } = this.known.get(id);
    const { status } = await this.server.fhir('GET', `Encounter/${id}/_history/${version + 1}`);
    return status === 410 ? version + 1 : version;
  }

  // Subscriptions that come, change and go, so that handshakes and deletions
  // are under way when the server dies.
  async #churn() {
    while (!this.stopped) {
      const id = `churn-${this.subscriptions++}`;
      const body = { ...subscription({ topic, endpoint: `${this.churn.url}/${id}`, secret: this.churn.secret, filters: [`patient=Patient/p${this.subscriptions % patients}`] }), id };
      try {
        await this.server.fhir('PUT', `Subscription/${id}`, body);
        await new Promise((r) => setTimeout(r, Math.random() * 60));
        await this.server.fhir('PUT', `Subscription/${id}`, { ...body, reason: 'changed' });
        await new Promise((r) => setTimeout(r, Math.random() * 60));
        if (Math.random() < 0.8) await this.server.fhir('DELETE', `Subscription/${id}`);
      } catch {
        await new Promise((r) => setTimeout(r, 20));
      }
    }
  }

  // Every change that is in the state, as events tell it.
  changes(patient) {
    const all = new Set();
    for (const known of this.known.values())
      if (patient === undefined || known.patient === patient)
        known.versions.forEach((_, i) => all.add(`Encounter/${known.id} ${i + 1}`));
    return all;
  }

  // The newest version of each of the resources is what was written last.
  async check(ids = [...this.known.keys()]) {
    for (const id of ids) {
      const known = this.known.get(id);
      const now = await this.#look(id);
      assert.equal(now.version, known.version, `${id}: ${known.versions.length} versions were written`);
      assert.equal(now.deleted, known.deleted ?? false, id);
      if (now.version && !now.deleted) assert.equal(now.mark, known.versions.at(-1).mark, id);
    }
  }
}
