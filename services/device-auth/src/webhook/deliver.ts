import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { type Job, type Log, repeat } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { RevokeLinks } from '../revoke-link/link.ts'
import type { Delivery, DeliveryStore } from './delivery-store.ts'
import { openWebhook } from './secrets.ts'
import { signMessage } from './sign.ts'
import type { WebhookStore } from './store.ts'

export type DeliverTools = {
  deliveries: DeliveryStore
  webhooks: Pick<WebhookStore, 'find' | 'noteDelivery'>
  vault: Pick<Vault, 'open'>
  egress: Pick<Egress, 'request'>
  links: Pick<RevokeLinks, 'make'>
  now: () => Date
  log: Pick<Log, 'warn'>
}

const everyMs = 5_000
const atOnce = 10
// Whose receiver is slow keeps nobody else's messages waiting for longer than one attempt.
const perTenant = 3
const attemptMs = 10_000
// After each attempt but the last; then the tenant's webhook says that it failed, and nobody tries again.
const waitSeconds = [5, 300, 1_800, 7_200, 18_000, 36_000]

/** Tells tenants of their sign-ins until each is delivered or given up, also what another replica left. */
export const startDelivering = (tools: DeliverTools): Job & { nudge: () => void } =>
  repeat({
    everyMs,
    step: async () => {
      const taken = await tools.deliveries.take({ max: atOnce, perTenant })
      await Promise.all(taken.map((delivery) => deliver(delivery, tools)))
      return taken.length > 0
    },
    report: (err) => tools.log.warn({ err }, 'webhooks are not delivered')
  })

const deliver = async (delivery: Delivery, tools: DeliverTools): Promise<void> => {
  const { deliveries, webhooks, vault, log } = tools
  const webhook = await webhooks.find(delivery.tenant_id)
  if (!webhook) return deliveries.end(delivery.id)
  const fault = await send(delivery, await openWebhook(vault, webhook), tools)
  await webhooks.noteDelivery(webhook.id, fault)
  const wait = waitSeconds[delivery.attempts - 1]
  if (fault === null || wait === undefined) await deliveries.end(delivery.id)
  else await deliveries.putOff(delivery.id, wait)
  if (fault !== null) log.warn({ delivery_id: delivery.id, attempts: delivery.attempts, fault }, 'a webhook failed')
}

type Opened = Awaited<ReturnType<typeof openWebhook>>

/** What went wrong, in words for the tenant's administrators; null when the receiver took it. */
const send = async (delivery: Delivery, { url, secret }: Opened, tools: DeliverTools): Promise<string | null> => {
  const body = bodyOf(delivery, tools.links)
  const headers = {
    'content-type': 'application/json',
    ...signMessage({ id: delivery.id, body, at: tools.now() }, secret)
  }
  const limits = { timeoutMs: attemptMs, maxBytes: 65_536 }
  try {
    // The link in it ends a sign-in, so it goes where credentials may go.
    const answer = await tools.egress.request(url, {
      method: 'POST',
      headers,
      body,
      carriesCredential: true,
      ...limits
    })
    answer.discard()
    return answer.status >= 200 && answer.status < 300 ? null : `It answered ${answer.status}.`
  } catch (error) {
    if (error instanceof ReportedError) return error.message
    throw error
  }
}

// The same at every attempt: a receiver that has seen its id may leave it.
const bodyOf = ({ tenant_id, facts, created_at }: Delivery, links: Pick<RevokeLinks, 'make'>): string => {
  const { sign_in, ...data } = facts
  const revoke_url = links.make({ tenant_id, id: facts.token_id, sign_in, madeAt: created_at })
  return JSON.stringify({
    type: 'device.signed_in',
    timestamp: created_at.toISOString(),
    data: { tenant_id, ...data, revoke_url }
  })
}
