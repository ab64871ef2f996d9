import rateLimit from '@fastify/rate-limit'
import { ReportedError } from '@onbehalf/errors'
import type { App } from '@onbehalf/service-kit'

/** What a route's config has for a limit from one address, on one replica. */
export const perMinute = (max: number) => ({ rateLimit: { max, timeWindow: 60_000 } })

/** Lets the routes of a scope be limited; above its limit a route says `sentence`. */
export const registerLimits = async (scope: App, sentence: string): Promise<void> => {
  await scope.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, { ttl }) =>
      new ReportedError('too_many_requests', `${sentence} Wait a little.`, {
        retry_after_seconds: Math.max(1, Math.ceil(ttl / 1000))
      })
  })
}
