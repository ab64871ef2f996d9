import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { type App, errorHandler, renderOAuthError, typed } from '../src/index.ts'
import { startApp } from './app.ts'

const access = 'public' as const
const secret = 'hunter2hunter2'
const body = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    id: Type.Optional(Uuid),
    mode: Type.Optional(Type.Union([Type.Literal('off'), Type.Literal('signed')])),
    kind: Type.Optional(Type.Union([Type.Literal('one'), Type.Null()])),
    configuration: Type.Optional(
      Type.Object(
        { timeout: Type.Number({ minimum: 1 }), modes: Type.Optional(Type.Array(Type.String())) },
        { additionalProperties: false }
      )
    )
  },
  { additionalProperties: false }
)
const thrown: Record<string, unknown> = {
  error: new Error(secret, { cause: new Error(`${secret} cause`) }),
  text: secret,
  nothing: undefined,
  null: null,
  object: { message: secret, statusCode: 418, code: 'FST_ERR_CTP_BODY_TOO_LARGE' },
  'with a code': Object.assign(new Error(secret), { code: 'constructor', statusCode: 400 }),
  'of the database': Object.assign(new Error(secret), { code: '23505', detail: secret }),
  'with a status': Object.assign(new Error(secret), { statusCode: 404 })
}

const routes = (app: App) => {
  const on = typed(app)
  on.get(
    '/throw/:what',
    { config: { access }, schema: { params: Type.Object({ what: Type.String() }) } },
    async ({ params }) => {
      throw thrown[params.what]
    }
  )
  on.get('/reported', { config: { access } }, async () => {
    throw new ReportedError('no_refresh_token', 'Sign in first.', {
      cause: new Error(secret),
      connect_url: 'https://onbehalf.example.com/connect',
      details: [{ path: 'user_id', message: 'never signed in' }],
      retry_after_seconds: 7
    })
  })
  on.get('/other-status', { config: { access } }, async () => {
    throw new ReportedError('identity_refresh_rejected', 'Sign in again.', { status: 428 })
  })
  on.post('/things', { config: { access }, schema: { body } }, async (request) => request.body)
  const query = Type.Object({ limit: Type.Integer({ maximum: 200, default: 50 }) }, { additionalProperties: false })
  on.get('/list', { config: { access }, schema: { querystring: query } }, async (request) => request.query)
  const row = { name: 'a', token: secret, inner: { token: secret, id: 1 } }
  const response = { 200: Type.Object({ name: Type.String(), inner: Type.Object({ id: Type.Integer() }) }) }
  on.get('/row', { config: { access }, schema: { response } }, async () => row)
  app.register((scope, _options, done) => {
    scope.setErrorHandler(errorHandler(renderOAuthError))
    scope.get('/oauth', { config: { access } }, async () => {
      throw new ReportedError('slow_down', 'Ask less often.')
    })
    done()
  })
}
const { app, logs } = await startApp(t, { routes })
const post = (payload: string | object, type = 'application/json') =>
  app.inject({ method: 'POST', url: '/things', payload, headers: { 'content-type': type } })

t.test('a reported error has its status, words and extras, and its cause stays here', async (t) => {
  const answer = await app.inject('/reported')
  t.same(answer.json(), {
    code: 'no_refresh_token',
    message: 'Sign in first.',
    status: 428,
    request_id: answer.headers['x-request-id'],
    connect_url: 'https://onbehalf.example.com/connect',
    details: [{ path: 'user_id', message: 'never signed in' }]
  })
  t.match(answer.headers, { 'retry-after': '7', 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.match([(await app.inject('/other-status')).statusCode], [428])
})

t.test('an unexpected error leaves with none of its words, whatever was thrown', async (t) => {
  for (const what of Object.keys(thrown)) {
    const answer = await app.inject(`/throw/${encodeURIComponent(what)}`)
    t.match([answer.statusCode, answer.json().code], [500, 'internal'], what)
    t.same(Object.keys(answer.json()), ['code', 'message', 'status', 'request_id'], what)
    t.notMatch(answer.body, /hunter2|\.ts:|at /, what)
  }
  t.ok(
    logs.some((line) => line.includes('unexpected error') && line.includes(`${secret} cause`)),
    'the log knows the cause'
  )
})

t.test('one family of routes can have the body that OAuth clients read', async (t) => {
  const answer = await app.inject('/oauth')
  t.same([answer.statusCode, answer.json()], [400, { error: 'slow_down', error_description: 'Ask less often.' }])
})

t.test('a body that is not as it must be is a 400 that names each field', async (t) => {
  const faults: [object, string, string][] = [
    [{}, 'name', 'is missing'],
    [{ name: '' }, 'name', 'must NOT have fewer than 1 characters'],
    [{ name: 5 }, 'name', 'must be string'],
    [{ name: 'a', nmae: 'b' }, 'nmae', 'is not known here'],
    [{ name: 'a', configuration: { timeout: 0 } }, 'configuration.timeout', 'must be >= 1'],
    [{ name: 'a', configuration: {} }, 'configuration.timeout', 'is missing'],
    [{ name: 'a', configuration: { timeout: 1, extra: 1 } }, 'configuration.extra', 'is not known here'],
    [{ name: 'a', configuration: { timeout: 1, modes: ['x', 5] } }, 'configuration.modes.1', 'must be string'],
    [{ name: 'a', id: 'x' }, 'id', 'must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057'],
    [{ name: 'a', mode: 'of' }, 'mode', 'must be one of off, signed'],
    [{ name: 'a', mode: 5 }, 'mode', 'must be one of off, signed'],
    [{ name: 'a', kind: 'two' }, 'kind', 'must be one or null'],
    [[], 'body', 'must be object']
  ]
  for (const [payload, path, message] of faults) {
    const answer = await post(payload)
    t.match([answer.statusCode, answer.json().code], [400, 'invalid_request'], JSON.stringify(payload))
    t.same(answer.json().details, [{ path, message }])
    t.equal(answer.json().message, `${path} ${message}.`)
  }
  t.same((await post({ name: 'a' })).json(), { name: 'a' })
})

t.test('what is no body at all is refused in the same shape', async (t) => {
  const refused: [string, Awaited<ReturnType<typeof post>>, number, string][] = [
    ['no JSON', await post('{"name":'), 400, 'invalid_request'],
    ['an empty body', await post(''), 400, 'invalid_request'],
    ['a poisoned prototype', await post('{"name":"a","__proto__":{"x":1}}'), 400, 'invalid_request'],
    ['another type', await post('<a/>', 'application/xml'), 415, 'unsupported_media_type'],
    ['too large', await post(JSON.stringify({ name: 'x'.repeat(1024 * 1024) })), 413, 'payload_too_large'],
    ['no path', await app.inject('/%zz'), 400, 'invalid_request'],
    ['no such path', await app.inject('/nothing/here?token=hunter2hunter2'), 404, 'not_found'],
    ['no such method', await app.inject({ method: 'DELETE', url: '/things' }), 404, 'not_found'],
    ['too long a parameter', await app.inject(`/throw/${'x'.repeat(300)}`), 404, 'not_found']
  ]
  for (const [what, answer, status, code] of refused) {
    const { message, request_id, ...rest } = answer.json()
    t.same(rest, { code, status }, what)
    t.same([answer.statusCode, request_id], [status, answer.headers['x-request-id']], what)
    t.notMatch(message, /hunter2|FST_/, what)
    t.equal(answer.headers['cache-control'], 'no-store', what)
  }
})

t.test('a query is text, so numbers are read out of it; what is not known is refused', async (t) => {
  t.same((await app.inject('/list?limit=7')).json(), { limit: 7 })
  t.same((await app.inject('/list')).json(), { limit: 50 })
  t.match((await app.inject('/list?limit=x')).json(), { status: 400, details: [{ path: 'limit' }] })
  t.match((await app.inject('/list?limt=7')).json(), {
    status: 400,
    details: [{ path: 'limt', message: 'is not known here' }]
  })
})

t.test('what is in the row and not in the schema does not leave', async (t) => {
  const answer = await app.inject('/row')
  t.same(answer.json(), { name: 'a', inner: { id: 1 } })
})

t.test('answers carry the headers of a site that nobody frames and that sends no referrer', async (t) => {
  const { headers } = await app.inject('/row')
  t.match(headers, {
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'strict-transport-security': /max-age=31536000/,
    'content-security-policy': /default-src 'none'/
  })
  const local = await startApp(t, { publicUrl: 'http://127.0.0.1:4000' })
  t.notOk((await local.app.inject('/healthz')).headers['strict-transport-security'])
})
