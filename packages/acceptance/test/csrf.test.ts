import { signInAs, textAt } from '@onbehalf/acceptance'
import { people, stranger } from '@onbehalf/testkit'
import t from 'tap'
import { credentialsOf } from './credentials.ts'
import { startTestPlatform } from './platform.ts'
import { ask, type Credential, hasParameter, nameOf, type Route, routesOf } from './routes.ts'
import { rowsOf, settledRowsOf } from './rows.ts'
import { tenantObjects } from './tenant-objects.ts'

// Rows are compared, which listening to servers writes to.
const platform = await startTestPlatform(t, 'csrf', { watchesMax: 0 })
const { publicUrl } = platform
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** As the reference has it: safe by its method alone. */
const changing = 'GET /console/api/workspaces/current/tool-provider/mcp/update/{provider_id}'
const isChanging = (route: Route) => !safe.has(route.method) || nameOf(route) === changing
const all = await routesOf(platform)
const routes = all.filter(isChanging)
// What a browser sends by itself: these two cookies.
const isOfSession = ({ credentials }: Route) => credentials.includes('session')
const bySession = routes.filter(isOfSession)
const byRenewal = routes.filter(({ credentials }) => credentials.includes('renewal'))

const owner = await signInAs(platform, people.owner.login)
const acme = { platform, owner }
const good = await credentialsOf(platform, owner)
const tokenOf = async (login: string, tenant: string) => {
  const one = await signInAs(platform, login, `/auth/sign-in?tenant=${tenant}&return_to=/auth/me`)
  return textAt((await one.send('GET', '/auth/me')).body, 'csrf')
}
const others = {
  'of another session of theirs': await tokenOf(people.owner.login, 'acme'),
  'of a member': await tokenOf(people.user.login, 'acme'),
  "of another tenant's owner": await tokenOf(stranger.login, 'globex')
}
const { cookie = '', 'x-csrf-token': token = '' } = good.session ?? {}

/** What a page of somebody else makes the browser of a signed-in user send. */
const forgeries: Readonly<Record<string, Credential>> = {
  'no token': { cookie },
  'no token, from our own origin': { cookie, origin: publicUrl },
  'an empty token': { cookie, 'x-csrf-token': '' },
  'a token one character longer': { cookie, 'x-csrf-token': `${token}A` },
  ...Object.fromEntries(
    Object.entries(others).map(([whose, other]) => [`a token ${whose}`, { cookie, 'x-csrf-token': other }])
  ),
  'the token from a foreign origin': { cookie, 'x-csrf-token': token, origin: 'https://evil.example' },
  'the token from an origin that begins like ours': {
    cookie,
    'x-csrf-token': token,
    origin: `${publicUrl}.evil.example`
  },
  'the token from nowhere': { cookie, 'x-csrf-token': token, origin: 'null' },
  'the token from a frame of another site': {
    ...{ cookie, 'x-csrf-token': token, origin: 'null', 'sec-fetch-site': 'cross-site' }
  }
}

const objectOf = (route: Route) => {
  const object = tenantObjects[nameOf(route)] ?? tenantObjects[route.path]
  if (object) return object
  throw new Error(`${route.path} has a parameter: say in tenant-objects.ts how a real one is made`)
}

/** As scripts read it, or as the pages say it. */
const refusal = /csrf_rejected|This page is out of date|This page was open for a while/
const endsSessions: ReadonlySet<string> = new Set(['POST /auth/sign-out', 'DELETE /auth/sessions'])
/** Read at its place, where nobody has put one. */
const thereIsNone = 'GET /v1/device-webhook'
const somebodyElse = async () => credentialsOf(platform, await signInAs(platform, people.user.login))

await t.test('whoever is signed in reads whatever they like, and no GET changes anything', async (t) => {
  const reads = all.filter((route) => route.method === 'GET' && !isChanging(route) && isOfSession(route))
  t.ok(reads.length >= 20, `${reads.length} routes are read with a cookie`)
  const asks: { route: Route; ids: Record<string, string> }[] = []
  for (const route of reads) asks.push({ route, ids: hasParameter(route) ? await objectOf(route).make(acme) : {} })
  const before = await settledRowsOf(platform)
  for (const { route, ids } of asks) {
    const { status } = await ask(route, { ids, credential: { cookie } })
    t.equal(status, nameOf(route) === thereIsNone ? 404 : 200, nameOf(route))
  }
  t.same(await rowsOf(platform), before, 'no row of any service has changed')
})

await t.test('a session is renewed by our own pages only', async (t) => {
  const { cookie: renewal = '' } = good.renewal ?? {}
  const before = await settledRowsOf(platform)
  for (const route of byRenewal)
    for (const origin of [undefined, 'null', 'https://evil.example', `${publicUrl}.evil.example`]) {
      const credential = { cookie: renewal, ...(origin === undefined ? {} : { origin }) }
      const { status, body } = await ask(route, { credential })
      t.match([status, body], [403, /csrf_rejected/], `${nameOf(route)} from ${origin}`)
    }
  t.same(byRenewal.map(nameOf), ['POST /auth/session/renew'])
  t.same(await rowsOf(platform), before, 'no row has changed')
})

await t.test(
  'a cookie alone changes nothing at any route, nor with a token or origin that is not its own',
  async (t) => {
    t.ok(bySession.length >= 20, `${bySession.length} routes take a cookie and change something`)
    const asks: { route: Route; real: Parameters<typeof ask>[1] }[] = []
    for (const route of bySession) {
      const { make, body } = hasParameter(route) ? objectOf(route) : {}
      asks.push({ route, real: { ids: make ? await make(acme) : {}, body } })
    }
    const before = await settledRowsOf(platform)
    for (const { route, real } of asks)
      for (const [name, credential] of Object.entries(forgeries)) {
        const { status, body } = await ask(route, { ...real, credential })
        t.match([status, body], [403, refusal], `${nameOf(route)} with ${name}`)
      }
    t.same(await rowsOf(platform), before, 'no row of any service has changed')

    // What takes things away comes last, and what ends all sessions of somebody ends those of somebody else.
    const isRemoval = ({ route }: (typeof asks)[number]) => Number(route.method === 'DELETE')
    for (const { route, real } of asks.sort((one, other) => isRemoval(one) - isRemoval(other))) {
      const { session } = endsSessions.has(nameOf(route)) ? await somebodyElse() : good
      const { status, body } = await ask(route, { ...real, credential: { ...session, origin: publicUrl } })
      t.ok(![401, 403].includes(status), `${nameOf(route)} with all of it is ${status} ${body.slice(0, 80)}`)
    }
  }
)

await t.test('what is open to everybody and changes something does so by what is sent, not by a cookie', async (t) => {
  // What an IdP's user approves has a cookie and a CSRF token of its own: device-auth/test/sso/refusals.test.ts.
  const open = routes.filter(({ credentials }) => credentials.length === 0)
  t.same(open.map(nameOf).sort(), [
    'POST /auth/back-channel-logout/{tenant}/{connection}',
    'POST /auth/saml/{tenant}/{connection}/acs',
    'POST /device/continue',
    'POST /device/revoke',
    'POST /device/sso/decide',
    'POST /openapi/v1/oauth/device/approve-external',
    'POST /openapi/v1/oauth/device/code',
    'POST /openapi/v1/oauth/device/deny-external',
    'POST /openapi/v1/oauth/device/token',
    'POST /v1/oauth/device/approve-external',
    'POST /v1/oauth/device/code',
    'POST /v1/oauth/device/deny-external',
    'POST /v1/oauth/device/token'
  ])
})
