import { listDeviceKeys, resolveBearer } from '@onbehalf/contracts'
import { type Bus, serve } from '@onbehalf/rpc'
import type { App, SigningKeys } from '@onbehalf/service-kit'
import { type ResolveTools, resolveToken } from './resolve.ts'

/** Answers the other services until the app closes. */
export const serveDeviceCalls = (
  app: App,
  bus: Bus,
  { keys, ...tools }: ResolveTools & { keys: Pick<SigningKeys, 'publicKeys'> }
): void => {
  const report = (failure: { subject: string; error: unknown }) =>
    app.log.error({ err: failure.error, subject: failure.subject }, 'a call failed')
  const served = [
    serve(bus, resolveBearer, ({ token_hash }) => resolveToken(token_hash, tools), report),
    serve(bus, listDeviceKeys, async () => ({ ticket: keys.publicKeys(), session: [] }), report)
  ]
  app.addHook('preClose', async () => {
    await Promise.all(served.map(({ stop }) => stop()))
  })
}
