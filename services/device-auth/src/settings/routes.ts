import { type App, administrators, auditContextOf, orNull, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { defaultTokenDays } from '../device-token/store.ts'
import type { SettingStore } from './store.ts'

const TokenDays = Type.Integer({ minimum: 1, maximum: 365 })
const SettingsAnswer = Type.Object({ token_days: TokenDays })
const SettingsChange = Type.Object({ token_days: orNull(TokenDays) }, { additionalProperties: false })

const config = { access: administrators }
const tags = ['device settings']
const url = '/v1/device-settings'

const read = {
  config,
  schema: { tags, summary: 'How devices are signed in', response: { 200: SettingsAnswer } }
} as const
const change = {
  config,
  schema: {
    tags,
    summary: 'Change it for the sign-ins to come: null is what everybody has',
    body: SettingsChange,
    response: { 200: SettingsAnswer }
  }
} as const

/** A tenant's own rules for the sign-in of devices, for its owners and admins. */
export const settingRoutes = (app: App, { settings }: { settings: SettingStore }): void => {
  const routes = typed(app)
  const shown = ({ token_days }: { token_days: number | null }) => ({ token_days: token_days ?? defaultTokenDays })
  routes.get(url, read, async (request) => {
    const own = await settings.find(userOf(request).tenant_id)
    return shown(own ?? { token_days: null })
  })
  routes.patch(url, change, async (request) => {
    const { tenant_id } = userOf(request)
    const subject = { kind: 'device_setting' }
    const event = { ...auditContextOf(request), action: 'device_setting.updated', subject, details: request.body }
    await settings.put(tenant_id, request.body, event)
    return shown(request.body)
  })
}
