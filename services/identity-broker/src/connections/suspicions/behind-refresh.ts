import type { Outcome } from '@onbehalf/lease'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { isOpaque } from '../../grants/refresh/access-token.ts'
import { type Brought, isForServer, type Material, type Want } from '../../grants/refresh/minted-token.ts'
import { type Answered, bodyOf } from '../token-endpoint.ts'
import type { SuspectedQuirk } from '../vocabulary.ts'

const Token = Type.Object({ access_token: Type.String() })

/** The quirk that would explain why a refresh brought nothing for a server: with it set, an opaque token is not refused. */
export const quirkBehindRefresh = (
  outcome: Outcome<Material, Brought>,
  { answered, want }: { answered: Answered; want: Want }
): SuspectedQuirk | undefined => {
  const isUnfit = outcome.kind === 'answered' && outcome.token.refusal?.code === 'audience_not_supported'
  return isUnfit && isForServer(want) && hasOpaqueToken(bodyOf(answered)) ? 'opaque_tokens_are_bound' : undefined
}

const hasOpaqueToken = (body: unknown): boolean => matches(Token, body) && isOpaque(body.access_token)
