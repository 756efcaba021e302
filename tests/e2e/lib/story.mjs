// The story of a prescription: five changes and who is told of each. The demo
// plays it for people, the end-to-end test judges it.
import { Receiver } from './receiver.mjs';
import { newSecret, subscription } from './subscription.mjs';

const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';

export const patient = (city) => ({
  resourceType: 'Patient', id: 'p1', active: true,
  name: [{ family: 'Example' }],
  address: [{ use: 'home', city }],
});

export const prescription = (status) => ({
  resourceType: 'MedicationRequest', id: 'rx1', status, intent: 'order',
  medicationCodeableConcept: {
    coding: [{ system: rxnorm, code: '617314', display: 'atorvastatin 20 MG Oral Tablet' }],
  },
  subject: { reference: 'Patient/p1' },
  authoredOn: '2025-01-15T08:30:00+01:00',
});

export const dispense = {
  resourceType: 'MedicationDispense', id: 'd1', status: 'completed',
  medicationCodeableConcept: { coding: [{ system: rxnorm, code: '617314' }] },
  subject: { reference: 'Patient/p1' },
  authorizingPrescription: [{ reference: 'MedicationRequest/rx1' }],
};

export const flag = {
  resourceType: 'Flag', id: 'f1', status: 'active',
  code: { text: 'Penicillin allergy' },
  subject: { reference: 'Patient/p1' },
};

export const signature = {
  resourceType: 'Provenance', id: 'sig1',
  target: [{ reference: 'MedicationRequest/rx1' }],
  recorded: '2025-01-15T08:31:00+01:00',
  agent: [{ who: { reference: 'Practitioner/dr1' } }],
  signature: [{
    type: [{ system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.1' }],
    when: '2025-01-15T08:31:00+01:00',
    who: { reference: 'Practitioner/dr1' },
  }],
};

// Who listens, and to what. Each system has its own endpoint and secret.
export const systems = {
  pharmacy: [
    { topic: 'prescription-signed', content: 'full-resource' },
    { topic: 'clinical-alert', content: 'full-resource', filters: ['patient=Patient/p1'] },
  ],
  portal: [
    { topic: 'prescription-signed', content: 'id-only', filters: ['patient=Patient/p1'] },
    { topic: 'prescription-dispensed', content: 'id-only', filters: ['patient=Patient/p1'] },
    { topic: 'patient-updated', content: 'id-only', filters: ['Patient?_id=p1'] },
  ],
  insurer: [
    { topic: 'prescription-signed', content: 'full-resource', filters: ['MedicationRequest?patient=Patient/p1'] },
    { topic: 'prescription-dispensed', content: 'full-resource', filters: ['patient=Patient/p1'] },
  ],
  audit: [
    { topic: 'prescription-signed', content: 'empty' },
    { topic: 'signature-completed', content: 'empty' },
  ],
};

// The changes in order: what is said, what is sent, who must hear of it.
export const steps = [
  { what: 'a prescription is signed and transmitted', send: [prescription('active')],
    hear: ['pharmacy', 'portal', 'insurer', 'audit'] },
  { what: 'the prescription is dispensed', send: [dispense], hear: ['portal', 'insurer'] },
  { what: 'a clinical alert is raised', send: [flag], hear: ['pharmacy'] },
  { what: "the patient's address changes", send: [patient('Uppsala')], hear: ['portal'] },
  { what: 'a signature is completed', send: [signature], hear: ['audit'] },
];

// Starts the four receivers and creates all their subscriptions.
export async function subscribeAll(server) {
  const receivers = {};
  for (const [name, wishes] of Object.entries(systems)) {
    const receiver = await new Receiver({ secret: newSecret() }).start();
    receivers[name] = receiver;
    for (const wish of wishes) {
      const { status, text } = await server.fhir('POST', 'Subscription',
        subscription({ ...wish, endpoint: receiver.url, secret: receiver.secret }));
      if (status !== 201) throw new Error(`${name}: ${status} ${text}`);
    }
    await receiver.until((r) => r.got.filter((n) => n.type === 'handshake').length === wishes.length);
  }
  return receivers;
}

// All subscriptions are active: events flow from here on.
export async function untilActive(server, ms = 15000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const { json } = await server.fhir('GET', 'Subscription/$status');
    const waiting = json.entry.filter((e) => e.resource.parameter.find((p) => p.name === 'status').valueCode !== 'active');
    if (waiting.length === 0) return;
    if (Date.now() > deadline) throw new Error('subscriptions do not become active');
    await new Promise((r) => setTimeout(r, 20));
  }
}

// What the story starts from: a patient, and a draft that nobody hears of.
export async function prepare(server) {
  for (const resource of [patient('Lund'), prescription('draft')]) {
    const { status, text } = await server.put(resource);
    if (status !== 201) throw new Error(`${status} ${text}`);
  }
}
