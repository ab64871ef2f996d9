import { freshCredential, isExternal, type Principal, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, createTicketReader, type FindKey, type Served, serve, type TicketReader } from '@onbehalf/rpc'
import { noSuchProvider } from '../providers/problems.ts'
import { audienceOf, type Provider } from '../providers/provider.ts'
import type { FindStanding } from './find-standing.ts'
import type { FindFresh } from './fresh.ts'
import { type CredentialRefresher, serveCredentialOwner } from './refresh/refresh.ts'

type Tools = {
  findFresh: FindFresh
  findStanding: FindStanding
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  readPrincipal: TicketReader<Principal>
  /** Of our own tickets. */
  findOwnKey: FindKey
  instance: string
  refresher: Pick<CredentialRefresher, 'isRunning'>
}

const changedMeanwhile = () =>
  new ReportedError('unavailable', 'The server was changed during the call. Try again.', { retry_after_seconds: 1 })

type Failed = { provider: Provider; who: Principal; deadlineAt: number; error: unknown }

/** Somebody without a role cannot follow a link to a provider that is not for them: their app is told what would help. */
const refuse = async (
  { findStanding }: Pick<Tools, 'findStanding'>,
  { provider, who, deadlineAt, error }: Failed
): Promise<never> => {
  const { external, auth_scope, name } = provider.settings
  const isAsked = error instanceof ReportedError && error.code === 'upstream_authorization_required'
  if (!isAsked || external || auth_scope === 'tenant' || who.user_id === null) throw error
  const { tenant_id, user_id } = who
  // Where nobody can say it, the link is what would help most.
  const standing = await findStanding({ tenant_id, user_id }, deadlineAt).catch(() => undefined)
  if (standing?.is !== 'external') throw error
  const why = `The user has to authorize at "${name}" and cannot, being no member.`
  throw new ReportedError('policy_denied', `${why} An administrator can mark the provider as external.`, {
    cause: error
  })
}

type Report = (failure: { subject: string; error: unknown }) => void

/** The NATS edge of the upstream credentials. */
export const serveCredentials = (bus: Bus, tools: Tools, report: Report): Served[] => {
  const readProvider = createTicketReader(providerTicket, { findKey: tools.findOwnKey })
  return [
    serve(
      bus,
      freshCredential,
      async ({ principal, provider: ticket, refused }, { deadlineAt }) => {
        const [who, what] = await Promise.all([tools.readPrincipal(principal), readProvider(ticket)])
        if (who.tenant_id !== what.tenant_id)
          throw new ReportedError('policy_denied', 'The two tickets are of different tenants.')
        const provider = await tools.findProvider(what.tenant_id, what.provider_id)
        if (isExternal(who) && !provider.settings.external) throw noSuchProvider()
        // A credential for where the server is now is not for where the asker believes it to be.
        if (audienceOf(provider.settings) !== what.audience) throw changedMeanwhile()
        const { user_id } = who
        const found = tools.findFresh(provider, { user_id, refused, deadlineAt })
        return {
          credential: await found.catch((error: unknown) => refuse(tools, { provider, who, deadlineAt, error }))
        }
      },
      report
    ),
    serveCredentialOwner(bus, tools, report)
  ]
}
