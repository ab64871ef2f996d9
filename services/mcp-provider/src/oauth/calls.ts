import { freshCredential, isExternal, type Principal, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, createTicketReader, type FindKey, type Served, serve, type TicketReader } from '@onbehalf/rpc'
import { noSuchProvider, notForExternals } from '../providers/problems.ts'
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

type Asking = { provider: Provider; who: Principal; deadlineAt: number }

/**
 * What somebody without a role has authorized is theirs as long as the provider is marked for them, also where an app acts
 * for them: it is told what would help, since a link to a provider that is not for them leads nowhere.
 */
const checkUser = async (
  { findStanding }: Pick<Tools, 'findStanding'>,
  { provider, who: { kind, tenant_id, user_id }, deadlineAt }: Asking
): Promise<void> => {
  const { external, auth_scope, name } = provider.settings
  if (kind === 'user' || user_id === null || external || auth_scope === 'tenant') return
  if ((await findStanding({ tenant_id, user_id }, deadlineAt)).is === 'member') return
  throw notForExternals(name)
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
        if (isExternal(who) && !provider.settings.external)
          throw who.kind === 'app' ? notForExternals(provider.settings.name) : noSuchProvider()
        // A credential for where the server is now is not for where the asker believes it to be.
        if (audienceOf(provider.settings) !== what.audience) throw changedMeanwhile()
        const asked = { user_id: who.user_id, refused, deadlineAt }
        const mayHave = () => checkUser(tools, { provider, who, deadlineAt })
        return { credential: await tools.findFresh(provider, { ...asked, checkUser: mayHave }) }
      },
      report
    ),
    serveCredentialOwner(bus, tools, report)
  ]
}
