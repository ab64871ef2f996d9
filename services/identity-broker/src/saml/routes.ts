import { ReportedError } from '@onbehalf/errors'
import { type App, countFailures, describeAnswersAs, showErrorsAs, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { noSuchConnection } from '../connections/problems.ts'
import type { ConnectionStore } from '../connections/store.ts'
import { perMinute, registerLimits } from '../limits.ts'
import { type ArrivalNeeds, signInArrival } from '../sign-in/arrival.ts'
import { signInErrors } from '../sign-in/errors.ts'
import { failureView } from '../sign-in/views.ts'
import { sidesOf } from './addresses.ts'
import { type CompleteSamlNeeds, completeSamlSignIn } from './complete.ts'
import { type ReceiveNeeds, receiveResponse } from './receive.ts'
import { metadataOf } from './service-provider.ts'
import { samlOf } from './settings.ts'

const word = Type.String({ minLength: 1, maxLength: 64 })
const Place = Type.Object({ tenant: word, connection: word })
const ours = Type.String({ maxLength: 64 })
/** Enough for somebody in a thousand groups, each of which says of what type it is. A form makes base64 a little longer. */
const responseMax = 320 * 1024
const formMax = 400 * 1024
/** From one address, on one replica. */
const metadataPerMinute = 60
const Metadata = { content: { 'application/samlmetadata+xml': { schema: Type.String() } } } as const
const Posted = Type.Object({
  SAMLResponse: Type.String({ minLength: 1, maxLength: responseMax }),
  RelayState: Type.Optional(Type.String({ maxLength: 1024 }))
})

type Needs = ReceiveNeeds & CompleteSamlNeeds & ArrivalNeeds & { connections: Pick<ConnectionStore, 'findByName'> }

/** Signing in by SAML 2: how we describe ourselves, where answers come to, and where the browser goes on from there. */
export const samlRoutes = (needs: Needs) => async (scope: App) => {
  describeAnswersAs(scope, 'page', signInErrors)
  showErrorsAs(scope, failureView)
  await registerLimits(scope, 'Our metadata is read too often from your address.')
  metadataRoute(scope, needs)
  answerRoute(scope, needs)
  completeRoute(scope, needs)
}

const metadataRoute = (scope: App, { users, connections, publicUrl }: Needs) => {
  const config = { access: 'public', ...perMinute(metadataPerMinute) } as const
  const route = { config, schema: { params: Place, response: { 200: Metadata } } } as const
  typed(scope).get('/auth/saml/:tenant/:connection/metadata', route, async ({ params }, reply) => {
    const tenant = await users.findTenant(params.tenant)
    const connection = tenant && (await connections.findByName(tenant.id, params.connection))
    if (!tenant || connection?.kind !== 'saml') throw noSuchConnection()
    const metadata = await metadataOf(connection.id, samlOf(connection), sidesOf(publicUrl, tenant, connection))
    return reply.type('application/samlmetadata+xml').header('cache-control', 'public, max-age=300').send(metadata)
  })
}

const answerRoute = (scope: App, needs: Needs) => {
  const failures = countFailures()
  // No CSRF token, and no cookie that one could go with: the post comes from the IdP's page, and a Lax cookie stays at
  // home. What is posted has to answer a request of ours, whose RelayState nobody else knows, under the IdP's signature.
  // It signs nobody in yet: the browser goes on to a page of ours, and there the cookie of the one that began is looked at.
  const route = {
    config: { access: 'public', errors: ['too_many_requests'] },
    bodyLimit: formMax,
    schema: { params: Place, body: Posted }
  } as const
  typed(scope).post('/auth/saml/:tenant/:connection/acs', route, async ({ ip, params, body }, reply) => {
    failures.refuseIfMany(ip)
    const { SAMLResponse: response, RelayState: state = '' } = body
    const path = `/auth/saml/${params.tenant}/${params.connection}/acs`
    const handle = await receiveResponse(needs, { path, response, state }).catch((error: unknown) => {
      if (error instanceof ReportedError && error.status < 500) failures.add(ip)
      throw error
    })
    const onwards = new URLSearchParams({ state, handle })
    return reply.header('cache-control', 'no-store').redirect(`/auth/saml/complete?${onwards}`, 303)
  })
}

const completeRoute = (scope: App, needs: Needs) => {
  const { bindingOf, browserOf, arrive } = signInArrival(needs)
  const querystring = Type.Object({ state: ours, handle: ours })
  const route = { config: { access: 'public' }, schema: { querystring } } as const
  typed(scope).get('/auth/saml/complete', route, async (request, reply) => {
    const { state } = request.query
    const came = { ...request.query, binding: bindingOf(request, state), browser: browserOf(request) }
    return arrive(request, reply, state, await completeSamlSignIn(needs, came))
  })
}
