import type { ForwardingMode } from '@onbehalf/contracts'
import type { Egress } from '@onbehalf/egress'
import type { Bus } from '@onbehalf/rpc'
import type { FindClient } from '../../connections/client.ts'
import type { ConnectionStore } from '../../connections/store.ts'
import type { NoteSuspicion } from '../../connections/suspicions/note.ts'
import { createExchangeAtIdp } from '../../exchange/exchange.ts'
import { createRedeem } from '../../exchange/redeem.ts'
import type { heldFor } from '../../grants/held-store.ts'
import type { LatestTokens } from '../../grants/refresh/latest-tokens.ts'
import type { GrantRefresher } from '../../grants/refresh/refresh.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import type { GrantStore } from '../../grants/store.ts'
import type { Issuers } from '../../issuer/issuers.ts'
import { createExchangeSubject } from './exchange-subject.ts'
import { createGrantMint } from './from-grant.ts'
import { createAuthorizationOf, planIdJag } from './id-jag.ts'
import { createIdTokenMint } from './id-token.ts'
import { createIdpTokenMint } from './idp-token.ts'
import { createIdpTokenNext } from './idp-token-next.ts'
import { idTokenException, type Mode, type Modes } from './mode.ts'
import { createObtain } from './obtain.ts'
import { createSignedMint } from './signed.ts'
import { planTokenExchange } from './token-exchange.ts'

type Needs = {
  bus: Bus
  egress: Pick<Egress, 'requestWhole'>
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  noteSuspicion: NoteSuspicion
  grants: Pick<GrantStore, 'listOf'>
  findGrants: ReturnType<typeof heldFor>
  refresher: Pick<GrantRefresher, 'obtain'>
  latest: LatestTokens
  tokens: Pick<TokenStore, 'find' | 'keepFor' | 'dropRejected'>
  issuers: Pick<Issuers, 'find'>
  /** How long a token endpoint may take. */
  idpTimeoutMs: number
}

/** The modes this service has. */
export const createModes = (needs: Needs): Modes => {
  const { bus, egress, connections, findClient, grants, findGrants, refresher, latest, tokens, issuers } = needs
  const { noteSuspicion, idpTimeoutMs: timeoutMs } = needs
  const obtain = createObtain(refresher)
  const exchange = createExchangeAtIdp({ connections, findClient, egress, timeoutMs })
  const exchangeSubject = createExchangeSubject({ exchange, obtain, tokens })
  const redeem = createRedeem({ egress, timeoutMs })
  const kept = (mint: Mode['mint']): Mode => ({ isReusable: true, mint })
  return new Map(
    Object.entries({
      idp_token: {
        ...kept(createIdpTokenMint({ findGrants, connections, obtain, tokens })),
        mintNext: createIdpTokenNext({ obtain, latest })
      },
      [idTokenException]: kept(createIdTokenMint({ grants, obtain, tokens })),
      token_exchange: kept(createGrantMint({ grants, tokens }, planTokenExchange({ exchangeSubject, noteSuspicion }))),
      id_jag: kept(
        createGrantMint(
          { grants, tokens },
          planIdJag({ authorizationOf: createAuthorizationOf(bus), exchangeSubject, redeem })
        )
      ),
      signed: { isReusable: false, mint: createSignedMint({ issuers }) }
    } satisfies Record<ForwardingMode | typeof idTokenException, Mode>)
  )
}
