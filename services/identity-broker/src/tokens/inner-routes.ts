import { ExternalId } from '@onbehalf/contracts'
import { type App, typed, wordOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { FoundInstallation } from '../installations/store.ts'
import type { createInnerIssue } from './issue-inner.ts'

// What the reference's client sends; keys it may come to send are ignored.
const Asked = Type.Object({
  user_id: ExternalId,
  tenant_id: Type.String({ minLength: 1, maxLength: 64 }),
  app_id: Type.Optional(Type.String({ maxLength: 255 })),
  audience: Type.String({ minLength: 1, maxLength: 2048 }),
  /** `account` where a member of the platform's own console calls, `end_user` for everybody else. */
  user_type: Type.Optional(wordOf('account', 'end_user'))
})
const Answer = Type.Object({ token: Type.String(), expires_at: Type.Integer() })

const issueToken = {
  method: 'POST',
  url: '/inner/api/mcp/issue-token',
  config: {
    access: 'inner',
    errors: [
      'no_refresh_token',
      'resource_not_granted',
      'identity_refresh_rejected',
      'audience_not_allowed',
      'audience_not_supported',
      'policy_denied',
      'user_required',
      'identity_provider_unavailable',
      'recording_unavailable'
    ]
  },
  schema: {
    ...{ tags: ['tokens'], summary: 'A token for a user at a server' },
    ...{ body: Asked, response: { 200: Answer } }
  }
} as const

const waitMs = 15_000

type Needs = {
  issueInner: ReturnType<typeof createInnerIssue>
  installationOf: (request: FastifyRequest) => FoundInstallation
}

/** What platforms with their own registry ask: a token for one of their users at one server. */
export const innerTokenRoutes = (app: App, { issueInner, installationOf }: Needs): void => {
  typed(app).route({
    ...issueToken,
    handler: (request) => issueInner(installationOf(request), request.body, { deadlineAt: Date.now() + waitMs })
  })
}
