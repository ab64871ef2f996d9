import type { Socket } from 'node:net'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import { securitySchemesFor } from './access.ts'
import { answerLog } from './answer-log.ts'
import { type Authenticators, registerAuthentication } from './authenticate.ts'
import { serializerCompiler, validatorCompiler } from './compilers.ts'
import { describeRoute } from './description/describe.ts'
import { ErrorBody, JsonRpcErrorBody, OAuthErrorBody } from './description/error-body.ts'
import { type EveryMinute, endUnread } from './end-unread.ts'
import { errorHandler, notFoundHandler, renderError } from './error-handler.ts'
import { type Dependency, registerHealth } from './health.ts'
import { type LogOutput, standardOutput } from './log-output.ts'
import { type LogLevel, logOptions } from './logger.ts'
import { registerMetrics } from './metrics.ts'
import { randomHex } from './random-hex.ts'
import { requestIdOf } from './request-id.ts'
import { requestLogOf } from './request-log.ts'
import { safeHeadersFor } from './safe-headers.ts'
import { answersWith } from './safe-response.ts'
import { type FindSessionKey, registerSessions } from './session.ts'
import { cookieNamesFor } from './session-cookie.ts'

export type AppOptions = {
  service: string
  description: string
  /** The origin all services share, as users see it. */
  publicUrl: string
  logLevel: LogLevel
  /** Addresses whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  /** Bytes that a body may have where its route does not say; a MiB when left out. */
  bodyLimit?: number
  authenticators: Authenticators
  /** Left out where no route accepts a session. */
  findSessionKey?: FindSessionKey
  dependencies: readonly Dependency[]
  /** Where log lines go; standard output when left out. */
  logTo?: LogOutput
  /** How a minute passes; by the clock when left out. */
  everyMinute?: EveryMinute
}

export type App = FastifyInstance

const unusedMs = 1_000

/** The app every service starts from: log, errors, headers, parsers, health, metrics, then authentication. */
export const createApp = async (options: AppOptions): Promise<App> => {
  const { service, publicUrl, bodyLimit = 1024 * 1024, logTo = standardOutput() } = options
  const safeHeaders = safeHeadersFor(publicUrl)
  const SafeResponse = answersWith(safeHeaders)
  const app = Fastify({
    http: { ServerResponse: SafeResponse },
    logger: { ...logOptions(service, options.logLevel), stream: logTo },
    childLoggerFactory: requestLogOf,
    genReqId: ({ headers }) => requestIdOf(headers),
    // One line a request is written below, when it is answered.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    bodyLimit,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    // Who comes while we leave is told so in our own words, in health.ts.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    // What Fastify refuses before it has a route, such as a path that is no path, and before any hook sets a header.
    frameworkErrors: (error, request, reply) => errorHandler(renderError)(error, request, reply.headers(neverFramed))
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(errorHandler(renderError))
  app.setNotFoundHandler(notFoundHandler(renderError))
  endUnread(app.server, options.everyMinute)
  let isClosing = false
  // Node counts a connection as idle only once it had a request; a client may hold one that it never used.
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))
  app.addHook('preClose', async () => {
    isClosing = true
    // What is on its way on one of them is answered all the same.
    setTimeout(() => {
      for (const socket of unused) socket.destroy()
    }, unusedMs).unref()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Or closing would wait for the caller to let go of a connection that had a request under way.
    if (isClosing) reply.header('connection', 'close')
    done()
  })
  const logAnswer = answerLog(options, logTo)
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply)
    // The head of a stream was sent before that was known.
    if (isClosing) request.raw.socket.destroySoon()
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    // A request that is only played (`app.inject`) has an answer of another kind.
    if (!(reply.raw instanceof SafeResponse)) reply.headers(safeHeaders)
    done()
  })
  await app.register(cookie)
  await app.register(formbody)
  for (const schema of [ErrorBody, OAuthErrorBody, JsonRpcErrorBody]) app.addSchema(schema)
  await app.register(swagger, {
    transform: describeRoute,
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, index) => String($id ?? `def-${index}`) },
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: service, description: options.description, version: '1' },
      components: { securitySchemes: securitySchemesFor(cookieNamesFor(publicUrl)) }
    }
  })
  registerAuthentication(app, { publicUrl, authenticators: options.authenticators })
  if (options.findSessionKey) await registerSessions(app, { publicUrl, findKey: options.findSessionKey })
  registerMetrics(app, service)
  registerHealth(app, options.dependencies)
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger())
  return app
}

const neverFramed = { 'x-frame-options': 'DENY', 'content-security-policy': "frame-ancestors 'none'" }

/** An app whose routes know the types of their TypeBox schemas. */
export const typed = (app: App) => app.withTypeProvider<TypeBoxTypeProvider>()

const answerMs = 30_000

/** What a NATS call made for this request takes along: its deadline (30 s from now at most) and its trace. */
export const callOptionsOf = ({ id }: Pick<FastifyRequest, 'id'>, ms = answerMs) => ({
  deadlineAt: Date.now() + ms,
  traceparent: `00-${id}-${randomHex(16)}-01`
})
