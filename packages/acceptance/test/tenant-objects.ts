import { at, type Caller, expectSame, signInAs, signInDevice, textAt, withToken } from '@onbehalf/acceptance'
import { type Platform, people, recordSecrets } from '@onbehalf/testkit'

/** The tenant whose objects they are, and its owner. */
export type Acme = { platform: Platform; owner: Caller }

/** Makes an object of acme's, another one each time where it can, and answers with the parameters of its path. */
type Make = (acme: Acme) => Promise<Record<string, string>>

export type TenantObject = {
  make: Make
  /** What its owner would send, where the method has a body. */
  body?: Record<string, unknown>
  /** What its owner is answered, where that is no success. */
  status?: number
}

let made = 0

/** Made by its owner with a POST that answers with its id; no two have the same name. */
const posted =
  (path: string, bodyOf: (name: string, platform: Platform) => object): Make =>
  async ({ platform, owner }) => {
    made += 1
    const { status, body } = await owner.send('POST', path, bodyOf(`object-${made}`, platform))
    expectSame(`POST ${path} (${JSON.stringify(body).slice(0, 300)})`, status, 201)
    return { id: textAt(body, 'id') }
  }

const provider = posted('/v1/mcp-providers', (name, { whoami }) => {
  const icon = { icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
  // A tenant has an address once; to the server they are all the same.
  return { name, server_identifier: name, server_url: `${whoami.url}?${name}`, ...icon }
})

const providerByIdentifier: Make = async (acme) => {
  const { id } = await provider(acme)
  const { body } = await acme.owner.send('GET', `/v1/mcp-providers/${id}`)
  return { server_identifier: textAt(body, 'server_identifier') }
}

const inConsole: Make = async (acme) => ({ provider_id: (await provider(acme)).id ?? '' })

const invitation = posted('/v1/invitations', (name) => ({ email: `${name}@example.com`, role: 'member' }))

const app = posted('/v1/apps', (name) => ({ name }))

const apiKey: Make = async (acme) => {
  const { id = '' } = await app(acme)
  const { body } = await acme.owner.send('POST', `/v1/apps/${id}/keys`, {})
  recordSecrets([textAt(body, 'key')])
  return { id, key_id: textAt(body, 'id') }
}

const link: Make = async (acme) => {
  const { id: app_id } = await app(acme)
  const links = [{ external_id: 'somebody', user_id: acme.platform.userIds[people.owner.sub] }]
  const { body } = await acme.owner.send('POST', '/v1/links/import', { app_id, links })
  const [first] = [at(body, 'links')].flat()
  return { id: textAt(first, 'id') }
}

const domain = posted('/v1/domains', (name) => ({ domain: `${name}.example` }))

const connection = posted('/v1/connections', (name, { idp }) => ({
  name,
  issuer: idp.issuer,
  client_id: name,
  client_authentication: 'none'
}))

const audiencePattern = posted('/v1/audience-patterns', (name) => ({ pattern: `https://${name}.example.com/mcp/*` }))

/** A sign-in leaves a grant where there is none. */
const grant: Make = async ({ platform }) => {
  const user = await signInAs(platform, people.user.login)
  const [first] = [at((await user.send('GET', '/v1/grants')).body, 'data')].flat()
  return { id: textAt(first, 'id') }
}

/** A browser of the owner's. */
const session: Make = async ({ platform }) => {
  const again = await signInAs(platform, people.owner.login)
  return { id: textAt((await again.send('GET', '/auth/me')).body, 'session', 'id') }
}

/** A device of the owner's, of which there is another one each time. */
const deviceToken: Make = async ({ platform }) => {
  made += 1
  const again = await signInAs(platform, people.owner.login)
  const token = await signInDevice(platform, again, `device-${made}`)
  recordSecrets([token])
  const { body } = await withToken(platform, token).send('GET', '/openapi/v1/account')
  return { id: textAt(body, 'token_id') }
}

/** There already, by the demo's bootstrap file; what ends a member is tried last. */
const member: Make = async ({ platform }) => ({ user_id: platform.userIds[people.absent.sub] ?? '' })

/** How a real one is made, for every guarded path with a parameter, as /openapi.json writes it; or for one method of it. */
export const tenantObjects: Readonly<Record<string, TenantObject>> = {
  '/auth/sessions/{id}': { make: session },
  '/v1/mcp-providers/{id}': { make: provider, body: { icon: '🪛' } },
  '/v1/mcp-providers/{id}/refresh-tools': { make: provider },
  '/v1/mcp-providers/{id}/authorize': { make: provider },
  '/v1/mcp-providers/{id}/authorization': { make: provider },
  '/console/api/workspaces/current/tool-provider/mcp/tools/{provider_id}': { make: inConsole },
  '/console/api/workspaces/current/tool-provider/mcp/update/{provider_id}': { make: inConsole },
  // Nobody saw such a tool.
  '/v1/mcp-providers/{id}/approve-tools': {
    make: provider,
    body: { tools: [{ name: 'whoami', hash: 'unseen' }] },
    status: 409
  },
  // Without a session there is nothing to hear, or to end.
  'GET /mcp/{server_identifier}': { make: providerByIdentifier, status: 405 },
  'DELETE /mcp/{server_identifier}': { make: providerByIdentifier, status: 405 },
  '/mcp/{server_identifier}': { make: providerByIdentifier, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } },
  '/v1/grants/{id}': { make: grant },
  '/v1/grants/{id}/issuances': { make: grant },
  '/v1/grants/{id}/tokens': { make: grant },
  '/v1/audience-patterns/{id}': { make: audiencePattern },
  '/v1/connections/{id}': { make: connection, body: { rotating: true } },
  '/v1/apps/{id}': { make: app, body: { name: 'Another name' } },
  '/v1/apps/{id}/keys': { make: app },
  '/v1/apps/{id}/keys/{key_id}': { make: apiKey, body: { act_for: 'none' } },
  '/v1/links/{id}': { make: link },
  '/v1/connections/{id}/test': { make: connection },
  '/v1/domains/{id}': { make: domain },
  // There is no record in DNS to be found.
  '/v1/domains/{id}/verify': { make: domain, status: 409 },
  '/v1/invitations/{id}': { make: invitation },
  '/v1/device-tokens/{id}': { make: deviceToken },
  '/openapi/v1/account/sessions/{id}': { make: deviceToken },
  '/v1/members/{user_id}': { make: member, body: { role: 'member' } }
}
