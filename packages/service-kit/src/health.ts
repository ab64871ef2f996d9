import { ReportedError } from '@onbehalf/errors'
import type { FastifyInstance } from 'fastify'

/** One thing the service needs: answers, or throws within its own deadline. */
export type Dependency = { name: string; check: () => Promise<void> }

const checkMs = 2_000
const operational: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * `/healthz`: the process turns. `/readyz`: 503 until every dependency answered once and while draining; afterwards a
 * lost one is told as `degraded` with 200, because taking every replica out would help nobody.
 */
export const registerHealth = (app: FastifyInstance, dependencies: readonly Dependency[]): void => {
  const state = { wasReady: false, isDraining: false }
  const isUp = async ({ name, check }: Dependency): Promise<string | undefined> => {
    const failed = await within(check(), checkMs).then(
      () => false,
      () => true
    )
    return failed ? name : undefined
  }
  app.addHook('preClose', async () => {
    state.isDraining = true
  })
  app.addHook('onRequest', ({ routeOptions }, _reply, done) => {
    if (!state.isDraining || operational.has(routeOptions.url ?? '')) return done()
    throw new ReportedError('unavailable', 'This replica is leaving. Try again.', { retry_after_seconds: 1 })
  })
  app.get('/healthz', { config: { access: 'public' }, schema: { hide: true } }, async () => ({ status: 'ok' }))
  app.get('/readyz', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) => {
    const missing = (await Promise.all(dependencies.map(isUp))).filter((name) => name !== undefined)
    if (missing.length === 0) state.wasReady = true
    if (state.isDraining) return reply.status(503).send({ status: 'draining' })
    if (!state.wasReady) return reply.status(503).send({ status: 'starting', missing })
    return { status: missing.length === 0 ? 'ready' : 'degraded', degraded: missing }
  })
}

/** `work`, or a rejection after `ms`. */
export const within = <Value>(work: Promise<Value>, ms: number): Promise<Value> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
