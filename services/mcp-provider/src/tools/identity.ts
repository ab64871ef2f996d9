import { ReportedError } from '@onbehalf/errors'
import type { Tokens } from '@onbehalf/mcp'
import type { Asker } from '../asker.ts'
import { audienceOf, modeOf, type Provider } from '../providers/provider.ts'
import type { SignProvider } from '../providers/ticket.ts'

/** The asker's tokens for one provider's server. */
export type Identity = {
  get: () => Promise<string>
  /** Another token than the one its server answered 401 to, or the same one when there is no other. */
  reissue: (rejected: string) => Promise<string>
}

/** For whom tools are listed; nobody where there is no user. */
export type ListedFor = Pick<Asker, 'tenant_id' | 'user_id' | 'ticket' | 'callOptions'>

const credentialMs = 30_000

/** No user: what is asked for is asked with what the tenant itself has for the server. */
export const nobodyOf = ({ tenant_id }: Provider, now: number): ListedFor => ({
  ...{ tenant_id, user_id: null, ticket: '' },
  callOptions: { deadlineAt: now + credentialMs }
})

export type IdentityOf = (provider: Provider, asker: ListedFor) => Identity

export const createIdentityOf =
  (tokens: Pick<Tokens, 'get' | 'reissue'>, signProvider: SignProvider): IdentityOf =>
  (provider, { tenant_id, user_id, ticket, callOptions: { traceparent } }) => {
    if (user_id === null) return nobody
    const { id, revision, settings } = provider
    const ask = {
      ...{ tenant_id, user_id, app_id: null, traceparent },
      provider: { provider_id: id, revision, mode: modeOf(settings), audience: audienceOf(settings) },
      tickets: async () => ({ principal: ticket, provider: await signProvider(provider) })
    }
    return {
      get: async () => (await tokens.get(ask)).token,
      reissue: async (rejected) => (await tokens.reissue(ask, rejected)).token
    }
  }

const refuse = async (): Promise<never> => {
  throw new ReportedError('user_required', 'Only a person can list them as themselves: ask one to refresh the tools.')
}
/** Who calls with an API key is an app and no user of the server. */
const nobody: Identity = { get: refuse, reissue: refuse }
