import { type App, countInWindows, networkOf } from '@onbehalf/service-kit'

/** Takes so many requests a minute for a scope's routes together, from one address, on one replica; what is more is 429. */
export const limitPerMinute = (scope: App, max: number, message: string): void => {
  const asked = countInWindows({ max, message })
  scope.addHook('onRequest', async ({ ip }) => {
    const from = networkOf(ip)
    asked.refuseIfMany(from)
    asked.add(from)
  })
}
