import { allowedStore } from './allowed/store.ts'
import { createAnnouncements } from './announce.ts'
import { appStore } from './apps/app-store.ts'
import { apiKeyStore } from './apps/store.ts'
import { createAudienceCheck } from './audiences/allow.ts'
import { createFindAudiences } from './audiences/find.ts'
import { audienceStore } from './audiences/store.ts'
import { createBackChannelLogout } from './back-channel/log-out.ts'
import { backChannelStore } from './back-channel/store.ts'
import type { Config } from './config.ts'
import { createAllow } from './connect/allow.ts'
import { createAppLinkReader } from './connect/app-link.ts'
import { createIsCovered } from './connect/covered.ts'
import { createFindConnect } from './connect/find.ts'
import { createConnectLinks } from './connect/link.ts'
import { createConnectionsAt } from './connections/at-revision.ts'
import { createClients } from './connections/client.ts'
import { createCredentials } from './connections/credentials.ts'
import { createIdpKeys } from './connections/keys.ts'
import { createLearn } from './connections/learn.ts'
import { connectionStore } from './connections/store.ts'
import { createNoteSuspicion } from './connections/suspicions/note.ts'
import { suspicionStore } from './connections/suspicions/store.ts'
import { createVerifyJwt } from './connections/verify-jwt.ts'
import { createAssertExternal } from './device-sso/assert.ts'
import { domainStore } from './domains/store.ts'
import { createTxtLookup } from './domains/txt-lookup.ts'
import { heldFor } from './grants/held-store.ts'
import { createGrantKeeper } from './grants/keep.ts'
import { createExchange } from './grants/refresh/exchange.ts'
import { createLatestTokens } from './grants/refresh/latest-tokens.ts'
import { createGrantRefresher } from './grants/refresh/refresh.ts'
import { refreshStore } from './grants/refresh/store.ts'
import { tokenStore } from './grants/refresh/token-store.ts'
import { createGrantEnd, createRevocation } from './grants/revoke.ts'
import { grantStore } from './grants/store.ts'
import { installationStore } from './installations/store.ts'
import { invitationStore } from './invitations/store.ts'
import { createIssuanceRecorder } from './issuances/record.ts'
import { issuanceStore } from './issuances/store.ts'
import { createIssuers } from './issuer/issuers.ts'
import { createActivation } from './links/activate.ts'
import { linkCodes } from './links/codes.ts'
import { createFindLinked, createFindWho } from './links/find-who.ts'
import { linkStore } from './links/store.ts'
import { admissionStore } from './members/admission-store.ts'
import { createAdmission } from './members/admit.ts'
import { memberStore } from './members/store.ts'
import { openResources, type Resources } from './resources.ts'
import { samlExchanges } from './saml/exchanges.ts'
import { createSessions } from './sessions/sessions.ts'
import { createFindPerson } from './sign-in/person.ts'
import { signInStates } from './sign-in/state.ts'
import { createIdpSignOut } from './sign-out/at-idp.ts'
import { createExplainForUser } from './tokens/explain.ts'
import { createKeptTokens } from './tokens/kept/kept.ts'
import { sharedTokens } from './tokens/kept/shared.ts'
import { createMint, createMintAnew, createMintNext, createRecordedMint } from './tokens/mint.ts'
import { createModes } from './tokens/modes/modes.ts'
import { findUser } from './users/find-store.ts'
import { createHeldUsers } from './users/held.ts'
import { userStore } from './users/store.ts'

export type Service = Awaited<ReturnType<typeof openService>>

/** The resources of the service and its parts over them, made once: both listeners share one refresher. */
export const openService = async (config: Config) => {
  const resources = await openResources(config)
  return { ...resources, parts: assemble(resources) }
}

const assemble = ({
  config,
  db,
  runPrepared,
  redis,
  bus,
  vault,
  egress,
  changes,
  ticketKeys,
  sessionKeys,
  connectKeys,
  deviceSsoKeys,
  signingKeysOf,
  instance
}: Resources) => {
  const publicUrl = config.PUBLIC_URL
  const users = userStore(db)
  const connections = connectionStore(db, vault)
  const suspicions = suspicionStore(db)
  const noteSuspicion = createNoteSuspicion(suspicions)
  const grants = grantStore(db)
  const shared = sharedTokens(redis, vault)
  const { announce, onOwnChange } = createAnnouncements({ feed: changes, emptyShared: shared.empty })
  const verifyJwt = createVerifyJwt(createIdpKeys(egress))
  const onDiscovered = createLearn({ connections, vault, announce })
  const { credentialsOf, keysOf } = createCredentials({ connections, signingKeysOf })
  const findClient = createClients({ credentialsOf, egress, onDiscovered })
  const revokeAtIdp = createRevocation(connections, findClient)
  const issuances = issuanceStore(db, runPrepared)
  const recorder = createIssuanceRecorder(issuances)
  const store = refreshStore({
    db,
    runPrepared,
    vault,
    grants,
    revoke: async ({ grant }, refreshToken) => {
      await revokeAtIdp(grant, refreshToken).catch(() => false)
    },
    onDead: (id) => announce('grant', id),
    recorder
  })
  const exchangeMs = config.IDP_TIMEOUT_SECONDS * 1000
  const findConnection = createConnectionsAt(connections)
  const exchange = createExchange({ findConnection, findClient, egress, noteSuspicion })
  const refresher = createGrantRefresher(bus, { store, exchange, exchangeMs, instance })
  const latest = createLatestTokens()
  const issuers = createIssuers({ signingKeysOf, publicUrl })
  const modes = createModes({
    ...{
      bus,
      egress,
      connections,
      findClient,
      noteSuspicion,
      grants,
      findGrants: heldFor(runPrepared, vault),
      refresher,
      issuers,
      latest
    },
    ...{ tokens: tokenStore(db, vault), idpTimeoutMs: exchangeMs }
  })
  const heldUsers = createHeldUsers({ bus, find: findUser(runPrepared), onOwnChange })
  const mintAnew = createMintAnew({ users: heldUsers, modes, explain: createExplainForUser(connections) })
  const kept = createKeptTokens({ bus, shared, onOwnChange, mintAnew, mintNext: createMintNext(modes), latest })
  const audiences = audienceStore(db)
  const findAudiences = createFindAudiences(bus)
  const audiencesOf = async (tenant_id: string) => (await findAudiences(tenant_id)).audiences
  const apps = appStore(db)
  const installations = installationStore(db)
  const connectLinks = createConnectLinks({ connectKeys, publicUrl })
  const readAppLink = createAppLinkReader({ apps, publicUrl })
  const admissions = admissionStore(db)
  const links = linkStore(db)
  const findLinked = createFindLinked(links)
  const codes = linkCodes(redis)
  const activateLink = createActivation({ links, announce })
  return {
    users,
    connections,
    suspicions,
    noteSuspicion,
    vault,
    egress,
    grants,
    announce,
    findClient,
    keysOf,
    credentialsOf,
    verifyJwt,
    findPerson: createFindPerson({ verifyJwt, egress }),
    refresher,
    issuers,
    audiences,
    audiencesOf,
    allowAudience: createAudienceCheck({ findAudiences, audiences }),
    members: memberStore(db),
    domains: domainStore(db),
    lookUpTxt: createTxtLookup(config.DNS_SERVERS),
    invitations: invitationStore(db),
    admit: createAdmission({ admissions, announce }),
    assertExternal: createAssertExternal({ admissions, announce, signingKey: deviceSsoKeys.signingKey }),
    apiKeys: apiKeyStore(db),
    apps,
    connectUrl: connectLinks.urlFor,
    findConnect: createFindConnect({ connectLinks, readAppLink, apps, installations, users, audiencesOf }),
    isCovered: createIsCovered({ users, grants }),
    links,
    linkCodes: codes,
    allowed: allowedStore(db),
    activateLink,
    allowLink: createAllow({ linkCodes: codes, links, activateLink }),
    findLinked,
    findWho: createFindWho({ findLinked, users }),
    installations,
    states: signInStates(redis),
    samlExchanges: samlExchanges(redis),
    keepGrant: createGrantKeeper(grants, vault, announce),
    endGrant: createGrantEnd({ grants, vault, revokeAtIdp, announce }),
    kept,
    heldUsers,
    issuances,
    recorder,
    mint: createRecordedMint(createMint({ modes, mintKept: kept.mint, mintAnew }), recorder),
    ...createSessions({ config, db, vault, ticketKeys, sessionKeys, announce }),
    logOutFromIdp: createBackChannelLogout({
      ...{ users, connections, findClient, verifyJwt, announce },
      backChannel: backChannelStore(db)
    }),
    idpSignOut: createIdpSignOut({ connections, findClient, vault, publicUrl }),
    publicUrl
  }
}
