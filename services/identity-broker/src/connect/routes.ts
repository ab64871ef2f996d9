import { randomBytes } from 'node:crypto'
import { ServerIdentifier } from '@onbehalf/contracts'
import { type App, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { connectPage } from './page.ts'

const Query = Type.Object({
  tenant: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
  provider: Type.Optional(ServerIdentifier),
  done: Type.Optional(Type.Boolean())
})

/** Nothing is looked up for the page, so it tells nobody which tenants and servers exist. */
export const connectRoutes = (app: App): void => {
  typed(app).get(
    '/connect',
    { config: { access: 'public' }, schema: { querystring: Query } },
    async ({ query: { tenant, provider, done = false } }, reply) => {
      const nonce = randomBytes(16).toString('base64')
      return reply
        .header('cache-control', 'no-store')
        .header(
          'content-security-policy',
          // The sign-in form is redirected to the IdP, which form-action would otherwise stop in Chromium.
          `default-src 'none'; style-src 'nonce-${nonce}'; frame-ancestors 'none'; base-uri 'none'`
        )
        .type('text/html; charset=utf-8')
        .send(connectPage({ tenant, provider, isDone: done }, nonce))
    }
  )
}
