import { type App, administrators, typed, userOf, wordOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Connection } from '../../database.ts'
import { callbackUrl } from '../../sign-in/callback-url.ts'
import type { AnswerNeeds } from '../answer.ts'
import { applyChange, keepsSecret, newSettings, usesSecret } from '../apply-change.ts'
import type { Credentials } from '../authenticate.ts'
import type { Desk } from '../desk.ts'
import { noSuchConnection } from '../problems.ts'
import { isMoved, type Settings, settingsOf } from '../settings.ts'
import { ConnectionChange, ConnectionId, NewConnection, SuspectedQuirkAnswer } from '../shapes.ts'
import { toldOf } from '../suspicions/tell.ts'
import { quirkMeanings, quirkNames } from '../vocabulary.ts'
import { type Examined, examine } from './examine.ts'

const Answer = Type.Object({
  checks: Type.Array(Type.Object({ check: Type.String(), ok: Type.Boolean(), message: Type.String() })),
  quirks: Type.Array(Type.Object({ quirk: wordOf(...quirkNames), message: Type.String() })),
  /** What cannot be looked at without a user, and was seen when there was one. */
  suspected_quirks: Type.Array(SuspectedQuirkAnswer)
})

const access = administrators
const tags = ['connections']
const url = '/v1/connections'

const unsaved = {
  config: { access },
  schema: { tags, summary: 'Test a connection before it is saved', body: NewConnection, response: { 200: Answer } }
} as const
const saved = {
  config: { access },
  schema: {
    tags,
    summary: 'Test a connection, as it is or with changes that are not saved',
    params: ConnectionId,
    body: Type.Optional(Type.Union([ConnectionChange, Type.Null()])),
    response: { 200: Answer }
  }
} as const

type Needs = Pick<Desk, 'connections' | 'egress'> &
  AnswerNeeds & { credentialsOf: (connection: Connection) => Promise<Credentials> }

/** Looks at an IdP without storing anything, for those who may connect it. */
export const examineRoutes = (app: App, needs: Needs): void => {
  const routes = typed(app)
  const answer = async (tenantId: string, examined: Omit<Examined, 'callbackUrl'>) => {
    const tenant = await needs.users.findTenant(tenantId)
    if (!tenant) throw noSuchConnection()
    const callback = callbackUrl(needs.publicUrl, tenant, examined.settings)
    const { checks, quirks } = await examine(needs.egress, { ...examined, callbackUrl: callback })
    return { checks, quirks: quirks.map((quirk) => ({ quirk, message: quirkMeanings[quirk] })) }
  }

  routes.post(`${url}/test`, unsaved, async (request) => {
    const given = request.body
    const settings = newSettings(given)
    const credentials = withSecret(settings.client_secret, undefined)
    const isKeyed = settings.client_authentication === 'private_key_jwt'
    const examined = { settings, given, boundTo: undefined, credentials: isKeyed ? undefined : credentials }
    return { ...(await answer(userOf(request).tenant_id, examined)), suspected_quirks: [] }
  })
  routes.post(`${url}/:id/test`, saved, async (request) => {
    const { tenant_id } = userOf(request)
    const stored = await needs.connections.find(tenant_id, request.params.id)
    if (!stored) throw noSuchConnection()
    const examined = await withChange(needs, stored, request.body ?? {})
    const suspected = await suspectedOf(needs, stored, examined.settings)
    return { ...(await answer(tenant_id, examined)), suspected_quirks: suspected.map(toldOf) }
  })
}

/** What would still be suspected with these settings. */
const suspectedOf = async ({ suspicions }: Needs, stored: Connection, { quirks, ...next }: Settings) => {
  if (isMoved(stored, next) || stored.client_id !== next.client_id) return []
  const suspected = await suspicions.listOf([stored.id])
  return suspected.filter(({ quirk }) => !quirks.includes(quirk))
}

const withSecret = (secret: string | null, stored: Credentials | undefined): Credentials => ({
  secret: secret ?? undefined,
  findKey: async () => {
    if (stored) return stored.findKey()
    throw new Error('a connection that is not saved has no key')
  }
})

/** A stored connection as it would be; its secret, and what its key signs, go only where they were stored for. */
const withChange = async (
  { credentialsOf }: Needs,
  stored: Connection,
  given: ConnectionChange
): Promise<Omit<Examined, 'callbackUrl'>> => {
  const held = await credentialsOf(stored)
  const before = settingsOf(stored, held.secret ?? null)
  const settings = applyChange(before, given)
  const isKept = usesSecret(settings) && keepsSecret(before, given)
  const place = isMoved(before, settings) ? null : (stored.token_endpoint ?? undefined)
  const hasKey = stored.client_authentication === 'private_key_jwt'
  const needsKey = settings.client_authentication === 'private_key_jwt'
  return {
    ...{ settings, given, boundTo: isKept || needsKey ? place : undefined },
    credentials: needsKey && !hasKey ? undefined : withSecret(settings.client_secret, held)
  }
}
