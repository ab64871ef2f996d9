import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  administrators,
  auditContextOf,
  orNull,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Invitation } from '../database.ts'
import { RoleWord } from '../members/routes.ts'
import { invite } from './create.ts'
import { statuses, statusOf } from './status.ts'
import type { InvitationStore } from './store.ts'

const Time = Type.String({ format: 'date-time' })

const shown = {
  id: Uuid,
  email: Type.String(),
  role: RoleWord,
  status: wordOf(...statuses),
  invited_by: Uuid,
  created_at: Time,
  expires_at: Time,
  accepted_at: orNull(Time),
  accepted_by: orNull(Uuid),
  revoked_at: orNull(Time)
}
const InvitationAnswer = Type.Object(shown)
/** The link is shown this once. */
const CreatedAnswer = Type.Object({ ...shown, link: Type.String() })
const NewInvitation = Type.Object(
  {
    email: Type.String({ format: 'email', maxLength: 254 }),
    role: RoleWord,
    expires_at: Type.Optional(Time)
  },
  { additionalProperties: false }
)
const Params = Type.Object({ id: Uuid })

const access = administrators
const tags = ['invitations']
const url = '/v1/invitations'

const create = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Invite somebody by e-mail', body: NewInvitation, response: { 201: CreatedAnswer } }
} as const
const list = {
  config: { access },
  schema: {
    tags,
    summary: 'The invitations',
    querystring: pageQuery({}),
    response: { 200: pageAnswer(InvitationAnswer) }
  }
} as const
const revoke = {
  config: { access },
  schema: { tags, summary: 'Take an invitation back', params: Params, response: { 204: Type.Null() } }
} as const

type Needs = { invitations: InvitationStore; publicUrl: string; now?: () => Date }

/** Who is asked to become a member. Sending the link is left to whoever asked. */
export const invitationRoutes = (app: App, { invitations, publicUrl, now = () => new Date() }: Needs): void => {
  const routes = typed(app)

  routes.post(url, create, async (request, reply) => {
    const by = { inviter: userOf(request), audit: auditContextOf(request) }
    const { invitation, link } = await invite({ invitations, publicUrl, now }, by, request.body)
    reply.header('cache-control', 'no-store')
    return reply.status(201).send({ ...answerOf(invitation, now()), link })
  })
  routes.get(url, list, async (request) => {
    const { limit, ...after } = request.query
    const { tenant_id } = userOf(request)
    const page = await takePage(limit, (more) => invitations.page(tenant_id, { ...after, limit: more }))
    return { ...page, data: page.data.map((one) => answerOf(one, now())) }
  })
  routes.delete(`${url}/:id`, revoke, async (request, reply) => {
    const { id } = request.params
    const event = { ...auditContextOf(request), action: 'invitation.revoked', subject: { kind: 'invitation', id } }
    const isRevoked = await invitations.revoke(event.tenant_id, id, event)
    if (isRevoked === undefined) throw new ReportedError('not_found', 'There is no such invitation.')
    return reply.status(204).send(null)
  })
}

const answerOf = ({ tenant_id: _, token_hash: __, ...invitation }: Invitation, now: Date) => ({
  ...invitation,
  status: statusOf(invitation, now),
  created_at: invitation.created_at.toISOString(),
  expires_at: invitation.expires_at.toISOString(),
  accepted_at: invitation.accepted_at?.toISOString() ?? null,
  revoked_at: invitation.revoked_at?.toISOString() ?? null
})
