import { Type } from '@sinclair/typebox'
import { openBus } from './bus.ts'
import { createApp, typed } from './create-app.ts'
import { openPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'

// Port 1 has nobody: each client goes as far as it gets, and ends.
const nowhere = '127.0.0.1:1'

/**
 * Goes through a start without servers and configuration, so that the code a start needs has been compiled: an image
 * keeps that (scripts/bundle), and its service answers 70 ms earlier.
 */
export const warmUp = async (service: string): Promise<string> => {
  await Promise.allSettled([
    openPostgres(`postgres://${nowhere}/none`),
    openRedis(`redis://${nowhere}`),
    openBus({ service, url: nowhere, user: service, password: service })
  ])
  const app = await createApp({
    service,
    description: service,
    publicUrl: 'https://localhost',
    logLevel: 'error',
    trustedProxies: ['127.0.0.1'],
    authenticators: {},
    findSessionKey: async () => undefined,
    dependencies: []
  })
  const body = Type.Object({ id: Type.String({ format: 'uuid' }), kind: Type.Optional(Type.Literal('any')) })
  const schema = { body, querystring: Type.Object({ limit: Type.Integer({ minimum: 1 }) }), response: { 200: body } }
  typed(app).post('/warm-up', { config: { access: 'public' }, schema }, async (request) => request.body)
  await app.listen({ host: '127.0.0.1', port: 0 })
  await app.inject('/healthz')
  await app.close()
  return 'warmed up'
}
