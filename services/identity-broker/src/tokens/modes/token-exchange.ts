import { ReportedError } from '@onbehalf/errors'
import type { NoteSuspicion } from '../../connections/suspicions/note.ts'
import { tokenTypes } from '../../exchange/exchange.ts'
import { readExchanged, requireCurrent } from '../../exchange/read-exchanged.ts'
import { checkAccessToken, isOpaque } from '../../grants/refresh/access-token.ts'
import { subjectTokenWant } from '../../grants/refresh/minted-token.ts'
import type { ExchangeSubject } from './exchange-subject.ts'
import type { Plan } from './from-grant.ts'
import type { MintRequest } from './mode.ts'

type Needs = { exchangeSubject: ExchangeSubject; noteSuspicion: NoteSuspicion; now?: () => number }

const idp = 'The identity provider'

/** An access token for the server, exchanged at the IdP for one of our own client (RFC 8693). */
export const planTokenExchange =
  ({ exchangeSubject, noteSuspicion, now = Date.now }: Needs) =>
  async (request: MintRequest): Promise<Plan> => {
    const { audience, scopes } = request.provider
    const scope = scopes.join(' ')
    return {
      want: { audience, mode: 'token_exchange', scopes: scope },
      fetch: async (grant) => {
        const subject = { subject: subjectTokenWant(grant), subject_token_type: tokenTypes.accessToken }
        // Some IdPs know a server by `resource` (RFC 8693 §2.1), others by `audience`.
        const target = { requested_token_type: tokenTypes.accessToken, audience, resource: audience, scope }
        const { connection, body } = await exchangeSubject(grant, { ...subject, ...target }, request)
        const issuedTypes = [tokenTypes.accessToken, tokenTypes.jwt]
        const exchanged = readExchanged(body, { issuedTypes, tokenType: 'bearer' })
        const checked = checkAccessToken(exchanged, {
          ...{ issuer: grant.issuer, subject: request.user.subject, audience, now: now() },
          isOpaqueFine: connection.quirks.includes('opaque_tokens_are_bound')
        })
        if (checked.refused && isOpaque(exchanged.access_token))
          await noteSuspicion(connection, 'opaque_tokens_are_bound')
        if (checked.refused) throw new ReportedError(checked.refused, checked.message)
        requireCurrent(idp, checked.token.expires_at, now())
        return checked.token
      }
    }
  }
