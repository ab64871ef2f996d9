import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type App, callerOf, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { Subject } from '../device-code/schemas.ts'
import { describeSubject } from '../device-token/mint.ts'
import { type RevokeTools, revokeToken } from '../device-token/revoke.ts'
import { memberOrNobody, type Users } from '../users/find.ts'

export type AccountTools = RevokeTools & { users: Pick<Users, 'find'> }

const bearerOnly = { credentials: ['bearer'] } as const

const AccountAnswer = Type.Composite([Subject, Type.Object({ token_id: Uuid, expires_at: Type.String() })])

/** What a device token says of itself, under `/openapi/v1/account`. */
export const accountRoutes =
  ({ users, ...tools }: AccountTools) =>
  async (scope: App) => {
    const account = { config: { access: bearerOnly }, schema: { response: { 200: AccountAnswer } } }
    typed(scope).get('/', account, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return describeCaller(request, users)
    })
    const self = { config: { access: bearerOnly }, schema: { response: { 204: Type.Null() } } }
    typed(scope).delete('/sessions/self', self, async (request, reply) => {
      const { tenant_id, user_id, credential } = userOf(request)
      const { ip, id: request_id } = request
      await revokeToken({ id: credential.id, tenant_id, actor_user_id: user_id, ip, request_id }, tools)
      return reply.status(204).send(null)
    })
  }

const describeCaller = async (request: FastifyRequest, users: Pick<Users, 'find'>) => {
  const { credential_expires_at } = callerOf(request)
  const user = userOf(request)
  const member = await memberOrNobody(users.find(user))
  if (!member) throw new ReportedError('invalid_bearer', 'Your account is no longer there. Sign in again.')
  const expires_at = new Date(credential_expires_at * 1000).toISOString()
  return { ...describeSubject(member), token_id: user.credential.id, expires_at }
}
