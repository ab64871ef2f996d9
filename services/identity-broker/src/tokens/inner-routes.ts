import { ReportedError } from '@onbehalf/errors'
import { type App, hashOf, isSameSecret, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { Installation } from '../database.ts'
import type { InstallationStore } from '../installations/store.ts'
import type { Audience } from '../sign-in/begin.ts'
import { connectUrl } from './connect-url.ts'
import type { MintToken } from './mint.ts'

const Asked = Type.Object({
  user_id: Type.String({ minLength: 1, maxLength: 255 }),
  tenant_id: Type.String({ minLength: 1, maxLength: 64 }),
  app_id: Type.Optional(Type.String({ maxLength: 255 })),
  audience: Type.String({ minLength: 1, maxLength: 2048 }),
  user_type: Type.Optional(Type.String({ maxLength: 32 }))
})
const Answer = Type.Object({ token: Type.String(), expires_at: Type.Integer() })

export const secretHeader = 'enterprise-api-secret-key'
const waitMs = 15_000

/** Finds whose secret a request carries; every stored one is compared, each in constant time. A wrong one is 404. */
export const createInnerAuthenticator =
  (installations: Pick<InstallationStore, 'list'>, found: WeakMap<FastifyRequest, Installation>) =>
  async (request: FastifyRequest): Promise<void> => {
    const given = request.headers[secretHeader]
    const hash = hashOf(typeof given === 'string' ? given : '')
    const all = await installations.list()
    const [installation] = all.filter(({ secret_hash }) => isSameSecret(hash, secret_hash))
    if (!given || !installation) throw nothingHere()
    found.set(request, installation)
  }

const nothingHere = () => new ReportedError('not_found', 'There is nothing here.')

type Needs = {
  installationOf: (request: FastifyRequest) => Installation | undefined
  audiencesOf: (tenantId: string) => Promise<Audience[]>
  mint: MintToken
  publicUrl: string
}

/** What platforms with their own registry ask: a token for one of their users at one server. */
export const innerTokenRoutes = (app: App, { installationOf, audiencesOf, mint, publicUrl }: Needs): void => {
  typed(app).post(
    '/inner/api/mcp/issue-token',
    { config: { access: 'inner' }, schema: { body: Asked, response: { 200: Answer } } },
    async (request) => {
      const { user_id, tenant_id, audience } = request.body
      const installation = installationOf(request)
      if (!installation?.tenant_ids.includes(tenant_id))
        throw new ReportedError('policy_denied', 'This installation does not speak for that tenant.')
      const provider = (await audiencesOf(tenant_id)).find((known) => known.audience === audience)
      if (!provider && !installation.audience_patterns.some((pattern) => isWithin(audience, pattern)))
        throw new ReportedError('audience_not_allowed', 'No token is given for this audience.', {
          details: [{ path: 'audience', message: 'is not a registered server of this tenant' }]
        })
      const url = connectUrl(publicUrl, tenant_id, provider?.server_identifier)
      if (!isUuid(user_id))
        throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', { connect_url: url })
      const { token, expires_at } = await mint({
        ...{ tenant_id, user_id, mode: 'idp_token', app_id: null, provider: { audience, scopes: [] } },
        ...{ call: undefined, rejectedTokenHash: undefined, connectUrl: url, deadlineAt: Date.now() + waitMs }
      })
      return { token, expires_at }
    }
  )
}

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** `https://tools.example.com/mcp/*` covers what begins so; without the star only that very URL. */
const isWithin = (audience: string, pattern: string): boolean =>
  pattern.endsWith('/*') ? audience.startsWith(pattern.slice(0, -1)) : audience === pattern
