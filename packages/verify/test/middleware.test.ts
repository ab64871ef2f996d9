import express from 'express'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import t from 'tap'
import { requireIdentity } from '../src/express.ts'
import { verifyPlugin } from '../src/fastify.ts'
import { createVerifier, digestOf, memoryReplayStore } from '../src/index.ts'
import { audience, serve, startIssuer } from './issuer.ts'

const issuer = await startIssuer(t)
const resourceMetadata = 'https://tools.example.com/.well-known/oauth-protected-resource/mcp'
const makeVerifier = () =>
  createVerifier({ issuers: [issuer.issuer], audience, resourceMetadata, replay: memoryReplayStore() })

const startFastify = async (): Promise<string> => {
  const app = Fastify()
  app.get('/open', async () => ({ open: true }))
  const guardedRoutes: FastifyPluginAsync = async (guarded) => {
    await guarded.register(verifyPlugin, { verifier: makeVerifier() })
    guarded.all('/mcp', async ({ identity, auth }) => ({ subject: identity?.subject, auth }))
  }
  await app.register(guardedRoutes)
  t.teardown(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}
const startExpress = async (): Promise<string> => {
  const app = express()
  app.get('/open', (_request, response) => void response.json({ open: true }))
  app.use('/mcp', express.json(), requireIdentity(makeVerifier()), (request, response) => {
    response.json({ subject: request.identity?.subject, auth: Reflect.get(request, 'auth') })
  })
  return serve(t, app)
}
const servers = { fastify: await startFastify(), express: await startExpress() }

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'add', arguments: { a: 1 } } }
const boundToCall = () => issuer.sign({ tool: 'add', arguments_digest: digestOf({ a: 1 }) })
const post = async (url: string, body: unknown, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}
const withToken = (token: string, scheme = 'Bearer') => ({ authorization: `${scheme} ${token}` })

for (const [name, url] of Object.entries(servers)) {
  t.test(`${name}: a good token gets through, with whom it names`, async (t) => {
    const token = await boundToCall()
    const { status, body } = await post(url, call, withToken(token))
    t.equal(status, 200)
    t.match(body, { subject: 'ann', auth: { token, clientId: 'flows', expiresAt: Number, extra: { identity: {} } } })
    t.equal((await post(url, call, withToken(await boundToCall(), 'bearer'))).status, 200, 'the scheme in any letters')
    const opened = await fetch(`${url}/mcp`, { headers: withToken(await issuer.sign()) })
    t.equal(opened.status, 200, 'and without a body')
    t.equal((await fetch(`${url}/open`)).status, 200, 'what is not guarded stays open')
  })

  t.test(`${name}: no token is 401 with a challenge that accuses nobody`, async (t) => {
    for (const headers of [{}, { authorization: 'Basic YTpi' }, { authorization: 'Bearer' }, { authorization: '' }]) {
      const answer = await post(url, call, headers)
      t.equal(answer.status, 401)
      t.equal(answer.headers.get('www-authenticate'), `Bearer resource_metadata="${resourceMetadata}"`)
      t.match(answer.body, { error: 'missing_token' })
    }
    const inUrl = await fetch(`${url}/mcp?access_token=${await boundToCall()}`)
    t.equal(inUrl.status, 401, 'and one in the URL is none')
  })

  t.test(`${name}: a bad token, a used one and one for another call are 401 invalid_token`, async (t) => {
    const used = await boundToCall()
    await post(url, call, withToken(used))
    const other = await issuer.sign({ tool: 'remove', arguments_digest: digestOf({ a: 1 }) })
    for (const token of ['x', await issuer.sign({ aud: 'https://other.example.com' }), used, other]) {
      const answer = await post(url, call, withToken(token))
      t.equal(answer.status, 401)
      t.equal(
        answer.headers.get('www-authenticate'),
        `Bearer error="invalid_token", error_description="The access token is not valid here.", resource_metadata="${resourceMetadata}"`
      )
      t.same(answer.body, { error: 'invalid_token', message: 'The access token is not valid here.' })
    }
  })
}

t.test('express without a parsed body lets nothing through', async (t) => {
  const app = express()
  app.use(requireIdentity(makeVerifier()), (_request, response) => void response.json({}))
  app.use(
    ((error, _request, response, _next) =>
      void response.status(500).json({ message: String(error) })) satisfies express.ErrorRequestHandler
  )
  const answer = await post(await serve(t, app), call, withToken(await boundToCall()))
  t.equal(answer.status, 500)
  t.match(answer.body, { message: /put express.json\(\) before it/ })
})

t.test('while the issuer is away it is 503, without a challenge', async (t) => {
  const away = await startIssuer(t)
  const token = await away.sign()
  away.answers['/jwks'] = () => ({ status: 500 })
  const app = Fastify()
  t.teardown(() => app.close())
  const verifier = createVerifier({ issuers: [away.issuer], audience })
  await app.register(verifyPlugin, { verifier })
  app.get('/mcp', async () => ({}))
  const answer = await app.inject({ url: '/mcp', headers: withToken(token) })
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['www-authenticate'], undefined)
  t.ok(Number(answer.headers['retry-after']) > 0)
})
