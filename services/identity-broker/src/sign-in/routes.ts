import rateLimit from '@fastify/rate-limit'
import { ReportedError } from '@onbehalf/errors'
import { type App, beginError, cookieNamesFor, hashOf, sendPage, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { sessionSeconds } from '../sessions/start.ts'
import type { UserStore } from '../users/store.ts'
import { beginSignIn, type SignInNeeds } from './begin.ts'
import { type CompleteNeeds, completeSignIn } from './complete.ts'
import { ownPath } from './return-to.ts'
import { failureView, organisationView } from './views.ts'

const word = (maxLength: number) => Type.String({ minLength: 1, maxLength })

const Begin = Type.Object({
  tenant: Type.Optional(word(64)),
  connection: Type.Optional(word(64)),
  provider: Type.Optional(word(64)),
  audience: Type.Optional(word(2048)),
  return_to: Type.Optional(word(4096))
})

// What an IdP appends (RFC 6749 §4.1.2, RFC 9207) and whatever else it likes to.
const Callback = Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4096 })))

const Place = Type.Object({ tenant: word(64), connection: word(64) })

/** From one address, on one replica: each begin costs a row in Redis and a question to mcp-provider. */
const beginsPerMinute = 120

type Needs = SignInNeeds & CompleteNeeds & { publicUrl: string; users: Pick<UserStore, 'countTenants'> }

/** To the IdP and back, for people in a browser: what goes wrong is a page as well. */
export const signInRoutes = (needs: Needs) => async (scope: App) => {
  const routes = typed(scope)
  scope.setErrorHandler((thrown: Error, request, reply) =>
    sendPage(reply, failureView(beginError(thrown, request, reply), request.id))
  )
  const { session, signIn, isSecure } = cookieNamesFor(needs.publicUrl)
  const cookie = { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  // One cookie for each sign-in under way, so that two tabs do not disturb each other.
  const bindingOf = (state: string) => `${signIn}_${hashOf(state).slice(0, 10)}`

  await scope.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, { ttl }) =>
      new ReportedError('too_many_requests', 'Too many sign-ins begin at your address. Wait a little.', {
        retry_after_seconds: Math.max(1, Math.ceil(ttl / 1000))
      })
  })

  routes.get(
    '/auth/sign-in',
    {
      config: { access: 'public', rateLimit: { max: beginsPerMinute, timeWindow: 60_000 } },
      schema: { querystring: Begin }
    },
    async ({ query }, reply) => {
      const return_to = ownPath(query.return_to ?? '/auth/me', needs.publicUrl)
      if (!query.tenant && (await needs.users.countTenants()) > 1) return sendPage(reply, organisationView(return_to))
      const { location, state, binding } = await beginSignIn(needs, { ...query, return_to })
      return reply
        .setCookie(bindingOf(state), binding, { ...cookie, maxAge: 600 })
        .header('cache-control', 'no-store')
        .redirect(location, 303)
    }
  )

  routes.get(
    '/auth/callback/:tenant/:connection',
    { config: { access: 'public' }, schema: { params: Place, querystring: Callback } },
    async ({ params, query: given, cookies }, reply) => {
      const query = new URLSearchParams()
      for (const [name, all] of Object.entries(given)) for (const one of all) query.append(name, one)
      const path = `/auth/callback/${params.tenant}/${params.connection}`
      const name = bindingOf(query.get('state') ?? '')
      const done = await completeSignIn(needs, { path, query, binding: cookies[name] })
      return reply
        .clearCookie(name, cookie)
        .setCookie(session, done.cookie, { ...cookie, maxAge: sessionSeconds })
        .header('cache-control', 'no-store')
        .redirect(done.return_to, 303)
    }
  )
}
