// Backport Subscriptions as a client writes them.
import { randomBytes } from 'node:crypto';

export const BX = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
export const TOPICS = 'https://belfry.example/fhir/SubscriptionTopic';
export const SECRET_URL = 'https://belfry.example/fhir/StructureDefinition/subscription-secret';

export const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

export function subscription({ topic, endpoint, content = 'id-only', filters = [],
  secret, headers, extensions = [], payload = 'application/fhir+json' }) {
  const channelExtensions = [...extensions];
  if (secret) channelExtensions.push({ url: SECRET_URL, valueString: secret });
  return {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'end-to-end test',
    criteria: topic.startsWith('http') ? topic : `${TOPICS}/${topic}`,
    ...(filters.length ? {
      _criteria: {
        extension: filters.map((f) => ({ url: `${BX}/backport-filter-criteria`, valueString: f })),
      },
    } : {}),
    channel: {
      ...(channelExtensions.length ? { extension: channelExtensions } : {}),
      type: 'rest-hook',
      endpoint,
      payload,
      _payload: { extension: [{ url: `${BX}/backport-payload-content`, valueCode: content }] },
      ...(headers ? { header: headers } : {}),
    },
  };
}
