import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'

/** A new secret as Standard Webhooks writes them. */
export const makeWebhookSecret = (): string => `${prefix}${randomBytes(32).toString('base64')}`

type Message = { id: string; body: string; at: Date }

/**
 * The headers by which a receiver knows that a message is ours (Standard Webhooks 1.0): HMAC-SHA256 over
 * `id.timestamp.body`, with the bytes that follow `whsec_` in base64.
 */
export const signMessage = ({ id, body, at }: Message, secret: string): Record<string, string> => {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
