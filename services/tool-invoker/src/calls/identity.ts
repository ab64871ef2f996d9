import type { CallBinding, ProviderSettings } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { Bearer, TokenAsk } from '@onbehalf/mcp'
import type { Providers } from '../providers/cache.ts'
import type { Acting } from './acting.ts'

/** What to ask identity-broker for, so that the call carries the identity of its user. Throws `user_required`. */
export const tokenAskOf = (
  providers: Pick<Providers, 'find'>,
  acting: Acting,
  provider: ProviderSettings,
  { call, traceparent }: { call: CallBinding; traceparent: string }
): TokenAsk => {
  const { tenant_id, user_id, kind } = acting.principal
  if (user_id === null) throw userRequired(provider)
  const { server_identifier } = provider
  return {
    tenant_id,
    user_id,
    app_id: kind === 'app' ? acting.principal.app_id : null,
    provider,
    call,
    tickets: async () => ({
      principal: await acting.ticket(),
      provider: (await providers.find({ acting, server_identifier, traceparent })).ticket
    }),
    traceparent
  }
}

const userRequired = ({ server_identifier }: ProviderSettings) =>
  new ReportedError('user_required', `"${server_identifier}" is called as a user: name one in user_id.`, {
    details: [{ path: 'user_id', message: 'is needed for a provider that forwards identity' }]
  })

/** The provider's own headers with a credential in place of any Authorization they have. */
export const headersAs = (
  headers: Record<string, string>,
  { authorization }: Pick<Bearer, 'authorization'>
): Record<string, string> => {
  const all: Record<string, string> = { authorization }
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && name.toLowerCase() !== 'authorization') all[name] = value
  }
  return all
}
