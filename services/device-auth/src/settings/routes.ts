import { type App, administrators, auditContextOf, orNull, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { defaultTokenDays } from '../device-token/store.ts'
import type { SettingStore, Settings } from './store.ts'

const TokenDays = Type.Integer({ minimum: 1, maximum: 365 })
const ApprovalMaxAge = Type.Integer({
  minimum: 60,
  maximum: 2_592_000,
  description: 'In seconds: who approves a device has to have signed in at their identity provider since then.'
})
const SettingsAnswer = Type.Object({ token_days: TokenDays, approval_max_age: orNull(ApprovalMaxAge) })
const SettingsChange = Type.Partial(
  Type.Object({ token_days: orNull(TokenDays), approval_max_age: orNull(ApprovalMaxAge) }),
  { additionalProperties: false, minProperties: 1 }
)

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
    summary: 'Change it for the sign-ins to come: what is left out stays, null is what everybody has',
    body: SettingsChange,
    response: { 200: SettingsAnswer }
  }
} as const

/** A tenant's own rules for the sign-in of devices, for its owners and admins. */
export const settingRoutes = (app: App, { settings }: { settings: SettingStore }): void => {
  const routes = typed(app)
  const shown = ({ token_days, approval_max_age }: Settings) => ({
    ...{ token_days: token_days ?? defaultTokenDays, approval_max_age }
  })
  routes.get(url, read, async (request) => shown(await settings.find(userOf(request).tenant_id)))
  routes.patch(url, change, async (request) => {
    const { tenant_id } = userOf(request)
    const subject = { kind: 'device_setting' }
    const event = { ...auditContextOf(request), action: 'device_setting.updated', subject, details: request.body }
    return shown(await settings.put(tenant_id, request.body, event))
  })
}
