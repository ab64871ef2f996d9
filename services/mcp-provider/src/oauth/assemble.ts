import { createKeySet } from '@onbehalf/rpc'
import type { Asker } from '../asker.ts'
import type { RevocationRow } from '../database.ts'
import type { Publish } from '../providers/desk.ts'
import type { ProviderPages } from '../providers/page-store.ts'
import type { Provider } from '../providers/provider.ts'
import { findProvider as findProviderOf } from '../providers/read.ts'
import type { ProviderStore } from '../providers/store.ts'
import type { Resources } from '../resources.ts'
import { broughtStore } from './brought-store.ts'
import { callbacksAt } from './callbacks.ts'
import { clientStore } from './client-store.ts'
import { createAuthorizations } from './describe.ts'
import type { OauthDesk } from './desk.ts'
import { createDocument } from './document.ts'
import { createFindClient, createFindKnownClient } from './find-client.ts'
import { createFindStanding } from './find-standing.ts'
import { createFindFresh } from './fresh.ts'
import { createExchange } from './refresh/exchange.ts'
import { createCredentialRefresher } from './refresh/refresh.ts'
import { refusedStore } from './refresh/refused-store.ts'
import { refreshStore } from './refresh/store.ts'
import { createRetireClient } from './retire-client.ts'
import { createRevokeUpstream } from './revocations/revoke.ts'
import { createRevocations } from './revocations/schedule.ts'
import { type GivenUp, revocationStore } from './revocations/store.ts'
import { authorizationStates } from './state.ts'
import { credentialStore } from './store.ts'

type Given = {
  providers: Pick<ProviderStore, 'find'> & ProviderPages
  publish: Publish
  /** Hears of what could not be revoked. */
  reportRevoking: (error: unknown, givenUp?: RevocationRow) => void
  /** Hears how many of a tenant are given up, because there are too many. */
  reportGivenUp: (givenUp: GivenUp) => void
  /** Hears of what of it could not be looked for or noted. */
  reportStore: (error: unknown) => void
  /** Hears of what could not be noted: a client of ours that is let go of, or a credential that is not renewed. */
  reportNoting: (error: unknown) => void
}

/** The parts of upstream OAuth over the resources, made once. */
export const assembleOauth = (
  resources: Resources,
  { providers, publish, reportRevoking, reportGivenUp, reportStore, reportNoting }: Given
) => {
  const { bus, config, db, egress, instance, mcp, redis, signingKeysOf, ticketKeys, vault } = resources
  const publicUrl = config.PUBLIC_URL
  const now = Date.now
  const callbacks = callbacksAt(publicUrl)
  const document = createDocument(publicUrl, callbacks)
  const clients = clientStore(db, vault)
  const credentials = { ...credentialStore(db, vault), ...broughtStore(db, vault) }
  const authorizations = createAuthorizations(egress)
  const findClient = createFindClient({ clients, egress, document, callbacks, now })
  const findKnownClient = createFindKnownClient({ clients, document })
  const retireClient = createRetireClient({ clients, report: reportNoting })
  const keysOf = (tenant_id: string) => signingKeysOf({ tenant_id, purpose: 'oauth_client' })
  const findKey = async (tenant_id: string) => (await keysOf(tenant_id)).signingKey()
  const findProvider = (tenant_id: string, id: string) => findProviderOf({ providers, vault }, tenant_id, id)
  const store = refreshStore({ db, vault, onDead: publish })
  const refused = refusedStore(db)
  const exchange = createExchange({
    ...{ egress, authorizations, findProvider, findKnownClient, retireClient, findKey, now },
    noteRefused: (credential, reason) => refused.note(credential, reason).catch(reportNoting)
  })
  const refresher = createCredentialRefresher(bus, { store, exchange, instance })
  const findFresh = createFindFresh({ credentials, refresher, authorizations, publicUrl, now })
  const revocable = revocationStore(db)
  const revoke = createRevokeUpstream({
    ...{ egress, authorizations, findKnownClient, findKey, vault, now },
    store: revocable
  })
  const revocations = createRevocations({
    ...{ store: revocable, revoke },
    ...{ report: reportRevoking, reportMany: reportGivenUp, reportStore }
  })
  const desk: OauthDesk = {
    ...{ authorizations, credentials, document, callbacks, findClient, findKnownClient, retireClient, findKey },
    ...{ mcp, egress, publish, revokeDropped: revocations.hurry, now },
    states: authorizationStates(redis)
  }
  return {
    ...{
      desk,
      document,
      findFresh,
      findProvider,
      findStanding: createFindStanding(bus),
      instance,
      publicUrl,
      refresher
    },
    revocations: { start: revocations.start },
    settle: async () => {
      await Promise.all([refresher.settle(), revocations.close()])
    },
    findOwnKey: createKeySet(async () => ticketKeys.publicKeys()),
    findPublicKeys: async (tenant_id: string) => {
      const [first] = await providers.page(tenant_id, { order: 'created_at', limit: 1 })
      return first && (await keysOf(tenant_id)).publicKeys()
    },
    credentialOf: async (
      provider: Provider,
      { user_id, callOptions: { deadlineAt } }: Pick<Asker, 'user_id' | 'callOptions'>
    ) => (await findFresh(provider, { user_id, deadlineAt }))?.token ?? null
  }
}
