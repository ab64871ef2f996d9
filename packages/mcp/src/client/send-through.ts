import type { Egress } from '@onbehalf/egress'
import type { Send } from './protocol.ts'

/**
 * Sends through the egress guard. Every request counts as one with a credential, because a provider's own headers may
 * be one: https (or a listed loopback address), no redirects. Time and size are bounded by the client.
 */
export const sendThrough =
  (egress: Pick<Egress, 'open'>): Send =>
  (url, init) =>
    egress.open(url, {
      ...init,
      carriesCredential: true,
      maxBytes: Number.POSITIVE_INFINITY
    })
