import { deviceEvent } from '../audit/event.ts'
import type { TokenStore } from './store.ts'

export type ExpireTools = {
  tokens: Pick<TokenStore, 'expire'>
  announce: (id: string) => void
}

/** Ends tokens whose time is over, those of one id or the first `max`; the replica that does it says so. */
export const expireTokens = async (which: { id?: string; max?: number }, tools: ExpireTools): Promise<number> => {
  const ended = await tools.tokens.expire(which, ({ id, tenant_id, client_id, device_label }) =>
    deviceEvent({ event: 'oauth.token_expired', tenant_id, token_id: id, details: { client_id, device_label } })
  )
  for (const { id } of ended) tools.announce(id)
  return ended.length
}
