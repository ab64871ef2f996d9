import { type App, describeAnswersAs, type FindVisitor, sendPage, showErrorsAs, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { FindConnect } from '../connect/find.ts'
import { signInFor } from '../connect/sign-in.ts'
import { perMinute, registerLimits } from '../limits.ts'
import type { UserStore } from '../users/store.ts'
import { type ArrivalNeeds, signInArrival } from './arrival.ts'
import { beginSignIn, type SignInNeeds } from './begin.ts'
import { type CompleteNeeds, completeSignIn } from './complete.ts'
import { signInErrors } from './errors.ts'
import { maxAgeSecondsMax } from './fresh.ts'
import { ownPath, ReturnTo } from './return-to.ts'
import { failureView, organisationView, sentHereView } from './views.ts'

const word = (maxLength: number) => Type.String({ minLength: 1, maxLength })

const Begin = Type.Object({
  // By its short name or its id; what else somebody writes here would be shown as ours.
  tenant: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,64}$' })),
  connection: Type.Optional(word(64)),
  provider: Type.Optional(word(64)),
  audience: Type.Optional(word(2048)),
  invitation: Type.Optional(word(64)),
  /** What was opened at /connect: it says everything else. */
  link: Type.Optional(word(8192)),
  return_url: Type.Optional(word(2048)),
  is_switch: Type.Optional(Type.Boolean()),
  /** OIDC Core §3.1.2.1, in seconds. */
  max_age: Type.Optional(Type.Integer({ minimum: 0, maximum: maxAgeSecondsMax })),
  return_to: Type.Optional(ReturnTo)
})

// What an IdP appends (RFC 6749 §4.1.2, RFC 9207) and whatever else it likes to.
const Callback = Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4096 })))

const Place = Type.Object({ tenant: word(64), connection: word(64) })

/** From one address, on one replica: each begin costs a row in Redis and a question to mcp-provider. */
const beginsPerMinute = 120

type Needs = SignInNeeds &
  CompleteNeeds &
  ArrivalNeeds & {
    users: Pick<UserStore, 'countTenants'>
    findConnect: FindConnect
    findVisitor: FindVisitor
  }

/**
 * Whether another site made the browser come (Fetch Metadata §2.4; no page can forge it). It may be one that wants
 * somebody to go on working in an account of its own.
 */
const isSentByAnother = ({ headers }: FastifyRequest): boolean =>
  headers['sec-fetch-site'] === 'cross-site' || headers['sec-fetch-site'] === 'same-site'

/** To the IdP and back, for people in a browser: what goes wrong is a page as well. */
export const signInRoutes = (needs: Needs) => async (scope: App) => {
  const routes = typed(scope)
  describeAnswersAs(scope, 'page', signInErrors)
  showErrorsAs(scope, failureView)
  const { leave, bindingOf, browserOf, arrive } = signInArrival(needs)

  const visitorOf = async (request: FastifyRequest) => {
    const visitor = await needs.findVisitor(request)
    return visitor?.principal.kind === 'user' ? { visitor: visitor.principal } : {}
  }

  await registerLimits(scope, 'Too many sign-ins begin at your address.')

  routes.get(
    '/auth/sign-in',
    {
      config: { access: 'public', ...perMinute(beginsPerMinute) },
      schema: { querystring: Begin }
    },
    async (request, reply) => {
      const { query } = request
      if (isSentByAnother(request) && needs.sessionCookies.renewalOf(request))
        return sendPage(reply, sentHereView({ tenant: query.tenant, path: request.url }))
      const return_to = ownPath(query.return_to ?? '/auth/me', needs.publicUrl)
      if (!query.tenant && !query.link && (await needs.users.countTenants()) > 1)
        return sendPage(reply, organisationView(return_to))
      const { link, return_url, is_switch = false, max_age } = query
      const asked = link
        ? await signInFor(needs.findConnect, { link, ...(return_url ? { return_url } : {}) })
        : { ...query, return_to }
      const fresh = max_age === undefined ? {} : { max_age, ...(await visitorOf(request)) }
      return leave(reply, await beginSignIn(needs, { ...asked, is_switch, ...fresh }))
    }
  )

  routes.get(
    '/auth/callback/:tenant/:connection',
    { config: { access: 'public' }, schema: { params: Place, querystring: Callback } },
    async (request, reply) => {
      const { params, query: given } = request
      const query = new URLSearchParams()
      for (const [name, all] of Object.entries(given)) for (const one of all) query.append(name, one)
      const path = `/auth/callback/${params.tenant}/${params.connection}`
      const state = query.get('state') ?? ''
      const came = { path, query, binding: bindingOf(request, state), browser: browserOf(request) }
      return arrive(request, reply, state, await completeSignIn(needs, came))
    }
  )
}
