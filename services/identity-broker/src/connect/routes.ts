import { ServerIdentifier } from '@onbehalf/contracts'
import { type App, sendPage, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { connectedView, connectView } from './view.ts'

const Query = Type.Object({
  tenant: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
  provider: Type.Optional(ServerIdentifier),
  audience: Type.Optional(Type.String({ pattern: '^https?://[\\x21-\\x7e]{1,2040}$' })),
  done: Type.Optional(Type.Boolean())
})

/** Nothing is looked up for the page, so it tells nobody which tenants and servers exist. */
export const connectRoutes = (app: App): void => {
  typed(app).get(
    '/connect',
    { config: { access: 'public' }, schema: { querystring: Query } },
    async ({ query: { done = false, ...where } }, reply) => sendPage(reply, done ? connectedView : connectView(where))
  )
}
