import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  auditContextOf,
  describeAnswersAs,
  type FindVisitor,
  isOutdated,
  renewalPath,
  sendPage,
  showErrorsAs,
  typed,
  userOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Announce } from '../announce.ts'
import { type createGrantEnd, grantEvent } from '../grants/revoke.ts'
import type { GrantStore } from '../grants/store.ts'
import type { IssuanceStore } from '../issuances/store.ts'
import type { LinkStore } from '../links/store.ts'
import { unlink } from '../links/unlink.ts'
import { nameOf } from '../users/name.ts'
import type { UserStore } from '../users/store.ts'
import { visitorOf } from '../users/visitor.ts'
import { findAllowed } from './find.ts'
import { allowedPath } from './path.ts'
import type { AllowedStore } from './store.ts'
import { allowedFailure, listView } from './views.ts'

type Needs = {
  users: Pick<UserStore, 'findWithRole'>
  grants: Pick<GrantStore, 'find' | 'page'>
  endGrant: ReturnType<typeof createGrantEnd>
  links: Pick<LinkStore, 'find' | 'page' | 'remove'>
  issuances: Pick<IssuanceStore, 'page'>
  allowed: AllowedStore
  announce: Announce
  findVisitor: FindVisitor
}

/** Where people see what may be done as them, and take it back: without a script, and only what is their own. */
export const allowedRoutes = (needs: Needs) => async (scope: App) => {
  describeAnswersAs(scope, 'page')
  showErrorsAs(scope, (error) => allowedFailure(isOutdated(error)))
  showRoute(scope, needs)
  takeBackRoute(scope, needs)
}

const showRoute = (scope: App, { users, findVisitor, ...needs }: Needs) => {
  typed(scope).get(allowedPath, { config: { access: 'public' } }, async (request, reply) => {
    const visitor = await findVisitor(request)
    if (visitor?.principal.kind !== 'user') return reply.redirect(renewalPath(allowedPath), 303)
    const [user, allowed] = await Promise.all([
      visitorOf(users, visitor.principal),
      findAllowed(needs, visitor.principal)
    ])
    return sendPage(reply, listView(allowed, { person: nameOf(user), tenant: user.tenant_name, csrf: visitor.csrf }))
  })
}

const closed = { additionalProperties: false } as const
const csrf_token = Type.Optional(Type.String())
const Asked = Type.Union([
  Type.Object({ grant_id: Type.String({ format: 'uuid' }), csrf_token }, closed),
  Type.Object({ link_id: Type.String({ format: 'uuid' }), csrf_token }, closed)
])

const takeBackRoute = (scope: App, { grants, links, endGrant, ...needs }: Needs) => {
  const config = { access: { credentials: ['session'] }, errors: ['not_found'] } as const
  const route = { config, schema: { body: Asked } } as const
  typed(scope).post(allowedPath, route, async (request, reply) => {
    const { tenant_id, user_id } = userOf(request)
    const by = auditContextOf(request)
    const isOwn = (one: { user_id: string } | undefined) => one?.user_id === user_id
    if ('grant_id' in request.body) {
      const grant = await grants.find(tenant_id, request.body.grant_id)
      if (!grant || !isOwn(grant)) throw notYours()
      await endGrant(grant, grantEvent(by, 'revoked', grant.id))
    } else {
      const link = await links.find(tenant_id, request.body.link_id)
      // Pressed twice, it is gone already.
      if (link && !isOwn(link)) throw notYours()
      if (link) await unlink({ ...needs, links }, by, link)
    }
    return reply.redirect(allowedPath, 303)
  })
}

const notYours = () => new ReportedError('not_found', 'There is no such thing to take back.')
