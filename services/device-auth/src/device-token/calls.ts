import { listDeviceKeys, resolveBearer } from '@onbehalf/contracts'
import { type Bus, serve } from '@onbehalf/rpc'
import type { App, SigningKeys } from '@onbehalf/service-kit'
import { type ResolveTools, resolveToken } from './resolve.ts'

/** Answers the other services until the app closes. */
export const serveDeviceCalls = (
  app: App,
  bus: Bus,
  { keys, ssoKeys, ...tools }: ResolveTools & Record<'keys' | 'ssoKeys', Pick<SigningKeys, 'publicKeys'>>
): void => {
  const report = (failure: { subject: string; error: unknown }) =>
    app.log.error({ err: failure.error, subject: failure.subject }, 'a call failed')
  const listKeys = async () => ({ ticket: keys.publicKeys(), session: [], device_sso: ssoKeys.publicKeys() })
  const served = [
    serve(bus, resolveBearer, ({ token_hash }) => resolveToken(token_hash, tools), report),
    serve(bus, listDeviceKeys, listKeys, report)
  ]
  app.addHook('preClose', async () => {
    await Promise.all(served.map(({ stop }) => stop()))
  })
}
