import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { type App, administrators, auditContextOf, newId, orNull, typed, userOf } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { Type } from '@sinclair/typebox'
import { openWebhook, sealWebhook } from './secrets.ts'
import { makeWebhookSecret } from './sign.ts'
import type { Webhook, WebhookStore } from './store.ts'

const Time = Type.String({ format: 'date-time' })

const WebhookAnswer = Type.Object({
  /** Its host and the first of its path; the rest may be a secret. */
  url: Type.String(),
  /** Shown once, when it is made. */
  secret: Type.Optional(Type.String()),
  created_at: Time,
  last_delivered_at: orNull(Time),
  last_failed_at: orNull(Time),
  last_error: orNull(Type.String())
})

const config = {
  access: administrators,
  errors: ['not_found', 'policy_denied', 'upstream_unavailable', 'upstream_error', 'upstream_timeout']
} as const
const tags = ['device webhook']
const url = '/v1/device-webhook'

const read = { config, schema: { tags, summary: 'Where sign-ins are told', response: { 200: WebhookAnswer } } } as const
const put = {
  config,
  schema: {
    tags,
    summary: 'Have every new sign-in of a device told there, from now on with a new secret',
    body: Type.Object({ url: Type.String({ minLength: 1, maxLength: 2048 }) }, { additionalProperties: false }),
    response: { 200: WebhookAnswer }
  }
} as const
const remove = {
  config: { ...config, errors: ['not_found'] },
  schema: { tags, summary: 'Tell nobody any more', response: { 204: Type.Null() } }
} as const

type Needs = { webhooks: WebhookStore; vault: Vault; egress: Pick<Egress, 'checkReachable'> }

/** Whom a tenant has told of its sign-ins, for its owners and admins. */
export const webhookRoutes = (app: App, { webhooks, vault, egress }: Needs): void => {
  const routes = typed(app)
  routes.get(url, read, async (request) => {
    const found = await webhooks.find(userOf(request).tenant_id)
    if (!found) throw noWebhook()
    const opened = await openWebhook(vault, found)
    return answerOf(found, opened.url)
  })
  routes.put(url, put, async (request) => {
    const { tenant_id } = userOf(request)
    const address = checkUrl(request.body.url).href
    await egress.checkReachable(address, { carriesCredential: true })
    const clear = { url: address, secret: makeWebhookSecret() }
    const subject = { kind: 'device_webhook' }
    const event = {
      ...auditContextOf(request),
      action: 'device_webhook.set',
      subject,
      details: { fields: ['url', 'secret'] }
    }
    const stored = await webhooks.put(await sealWebhook(vault, { tenant_id, id: newId() }, clear), event)
    return { ...answerOf(stored, address), secret: clear.secret }
  })
  routes.delete(url, remove, async (request, reply) => {
    const subject = { kind: 'device_webhook' }
    const event = { ...auditContextOf(request), action: 'device_webhook.removed', subject }
    if (!(await webhooks.remove(userOf(request).tenant_id, event))) throw noWebhook()
    return reply.status(204).send(null)
  })
}

const noWebhook = () => new ReportedError('not_found', 'There is no webhook. Set one with PUT.')

const answerOf = ({ created_at, last_delivered_at, last_failed_at, last_error }: Webhook, address: string) => ({
  url: maskAddress(address),
  created_at: created_at.toISOString(),
  last_delivered_at: last_delivered_at?.toISOString() ?? null,
  last_failed_at: last_failed_at?.toISOString() ?? null,
  last_error
})

const maskAddress = (address: string): string => {
  const { origin, pathname, search } = new URL(address)
  const [, first = '', ...rest] = pathname.split('/')
  return rest.length > 0 || search !== '' ? `${origin}/${first}/***` : `${origin}/${first}`
}
