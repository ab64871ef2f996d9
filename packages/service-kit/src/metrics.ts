import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { countRequestTimes } from './request-times.ts'

/** `/metrics` in Prometheus' form: the process, and how long each route took by status. */
export const registerMetrics = (app: FastifyInstance, service: string): void => {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const times = countRequestTimes(service)
  app.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    times.observe(method, routeOptions.url ?? 'none', statusCode, elapsedTime / 1000)
    done()
  })
  app.get('/metrics', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(`${await registry.metrics()}\n${times.text()}`)
  )
}
