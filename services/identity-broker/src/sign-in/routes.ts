import { type App, beginError, cookieNamesFor, sendPage, typed } from '@onbehalf/service-kit'
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
  return_to: Type.Optional(word(1024))
})

// What an IdP appends (RFC 6749 §4.1.2, RFC 9207) and whatever else it likes to.
const Callback = Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4096 })))

type Needs = SignInNeeds & CompleteNeeds & { publicUrl: string; users: Pick<UserStore, 'countTenants'> }

/** To the IdP and back, for people in a browser: what goes wrong is a page as well. */
export const signInRoutes = (needs: Needs) => async (scope: App) => {
  const routes = typed(scope)
  scope.setErrorHandler((thrown: Error, request, reply) =>
    sendPage(reply, failureView(beginError(thrown, request, reply), request.id))
  )
  const names = cookieNamesFor(needs.publicUrl)
  const cookie = { path: '/', secure: names.isSecure, httpOnly: true, sameSite: 'lax' } as const
  const bindingCookie = { ...cookie, path: '/auth', maxAge: 600 }

  routes.get(
    '/auth/sign-in',
    { config: { access: 'public' }, schema: { querystring: Begin } },
    async ({ query, cookies }, reply) => {
      const return_to = ownPath(query.return_to ?? '/auth/me', needs.publicUrl)
      if (!query.tenant && (await needs.users.countTenants()) > 1) return sendPage(reply, organisationView(return_to))
      const begun = await beginSignIn(needs, { ...query, return_to }, cookies[names.signIn])
      return reply
        .setCookie(names.signIn, begun.binding, bindingCookie)
        .header('cache-control', 'no-store')
        .redirect(begun.location, 303)
    }
  )

  routes.get(
    '/auth/callback',
    { config: { access: 'public' }, schema: { querystring: Callback } },
    async ({ query, cookies }, reply) => {
      const parameters = new URLSearchParams()
      for (const [name, all] of Object.entries(query)) for (const one of all) parameters.append(name, one)
      const done = await completeSignIn(needs, parameters, cookies[names.signIn])
      return reply
        .clearCookie(names.signIn, bindingCookie)
        .setCookie(names.session, done.cookie, { ...cookie, maxAge: sessionSeconds })
        .header('cache-control', 'no-store')
        .redirect(done.return_to, 303)
    }
  )
}
