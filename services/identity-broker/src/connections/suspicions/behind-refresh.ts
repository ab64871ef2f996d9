import type { Outcome } from '@onbehalf/lease'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { Connection } from '../../database.ts'
import { isOpaque } from '../../grants/refresh/access-token.ts'
import { type Brought, isForServer, type Material, type Want } from '../../grants/refresh/minted-token.ts'
import { type Answered, bodyOf, errorIn } from '../token-endpoint.ts'
import type { SuspectedQuirk } from '../vocabulary.ts'

type Asked = { answered: Answered; connection: Pick<Connection, 'quirks'>; want: Want }

const Token = Type.Object({ access_token: Type.String() })

/** RFC 6749 §5.2: what is said of a scope that is not known, or of a parameter that is not. */
const scopeErrors: ReadonlySet<string> = new Set(['invalid_scope', 'invalid_request'])

/** The quirk that would explain why a refresh brought nothing for a server, where it is not set. */
export const quirkBehindRefresh = (
  outcome: Outcome<Material, Brought>,
  { answered, connection: { quirks }, want }: Asked
): SuspectedQuirk | undefined => {
  if (outcome.kind === 'answered') {
    const isUnfit = outcome.token.refusal?.code === 'audience_not_supported' && isForServer(want)
    return isUnfit && hasOpaqueToken(bodyOf(answered)) ? 'opaque_tokens_are_bound' : undefined
  }
  const namedScopes = want.scopes !== '' && !quirks.includes('refresh_without_scope')
  const isOfScope = outcome.kind === 'refused' && scopeErrors.has(errorIn(bodyOf(answered)) ?? '')
  return namedScopes && isOfScope ? 'refresh_without_scope' : undefined
}

const hasOpaqueToken = (body: unknown): boolean => matches(Token, body) && isOpaque(body.access_token)
