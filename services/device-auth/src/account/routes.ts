import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type App, orExternals, orNull, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { Subject } from '../device-code/schemas.ts'
import { accountIssuer } from '../device-token/kinds.ts'
import type { TokenLists } from '../device-token/list-store.ts'
import { describeSubject } from '../device-token/subject.ts'
import { type Users, userOrNobody } from '../users/find.ts'
import { type SessionTools, sessionRoutes } from './session-routes.ts'

export type AccountTools = SessionTools & { users: Pick<Users, 'find'>; lists: Pick<TokenLists, 'find'> }

/** For device tokens alone, of both kinds: they say of themselves whose they are, and end themselves. */
const own = orExternals({ credentials: ['bearer'] })

const AccountAnswer = Type.Composite([
  Type.Omit(Subject, ['subject_email', 'subject_issuer']),
  Type.Object({
    subject_email: orNull(Type.String()),
    subject_issuer: Type.String(),
    token_id: Uuid,
    expires_at: Type.String({ format: 'date-time' })
  })
])

/** What a device token says of itself and of its kin, under `/openapi/v1/account`. */
export const accountRoutes = (tools: AccountTools) => async (scope: App) => {
  scope.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  const account = { config: { access: own }, schema: { response: { 200: AccountAnswer } } }
  typed(scope).get('/', account, (request) => describeCaller(request, tools))
  sessionRoutes(scope, own, tools)
}

const describeCaller = async (request: FastifyRequest, { users, lists }: AccountTools) => {
  const { tenant_id, user_id, credential } = userOf(request)
  const token = await lists.find({ tenant_id, user_id }, credential.id)
  const found = token && (await userOrNobody(users.find({ tenant_id, user_id })))
  if (!found) throw new ReportedError('invalid_bearer', 'Your account is no longer there. Sign in again.')
  const { issuer, expires_at } = token
  return {
    ...describeSubject(found, issuer === accountIssuer ? undefined : issuer),
    ...{ subject_email: found.user.email, subject_issuer: issuer, token_id: token.id },
    expires_at: expires_at.toISOString()
  }
}
