import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import { listen, recordSecrets, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { startStage } from '../stage.ts'

/** An MCP server that takes these tokens; each answer to another is the challenge. */
const accepted = new Set<string>()
let challenge = 'Bearer resource_metadata="https://as.example/metadata"'
let refusal = 401
const seen: (string | undefined)[] = []
const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const { id, method } = JSON.parse(text)
  if (method === 'tools/call') seen.push(request.headers.authorization)
  if (!accepted.has(request.headers.authorization ?? ''))
    return response.writeHead(refusal, { 'www-authenticate': challenge }).end()
  const discovered = { supportedVersions: ['2026-07-28'], capabilities: {}, serverInfo: { name: 's', version: '1' } }
  const result = method === 'tools/call' ? { content: [] } : discovered
  return response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
})
const port = await listen(server)
t.teardown(() => stopServer(server))
const stage = await startStage(t, { alsoAllowed: [port] })
const { broker, providers, call } = stage

const credential = (words: string, seconds = 300) => {
  const token = `${words} ${randomUUID()}`
  recordSecrets([token])
  accepted.add(`Bearer ${token}`)
  const expires_at = Math.floor(Date.now() / 1000) + seconds
  return { id: '01890000-0000-7000-8000-000000000001', token, expires_at }
}
const required = () =>
  new ReportedError('upstream_authorization_required', 'Authorize first.', {
    authorize_url: 'https://us/oauth/connect/x'
  })

const open = async (headers: Record<string, string> = {}) => {
  const who = await broker.signIn()
  const { tenant_id } = who
  const provider = providers.register({ tenant_id, server_url: `http://127.0.0.1:${port}/mcp`, headers })
  const { server_identifier, provider_id } = provider
  accepted.clear()
  seen.splice(0)
  challenge = 'Bearer resource_metadata="https://as.example/metadata"'
  refusal = 401
  const asked = () => providers.credentialsAsked().filter((one) => one.provider_id === provider_id)
  return { who, provider, asked, ask: () => call(who.headers, { server_identifier, tool: 'x', arguments: {} }) }
}

t.test('what a server gave is sent in the place of the headers, and asked for once', async (t) => {
  const { who, ask, asked, provider } = await open({ Authorization: 'Basic a-static-one', 'X-Kept': 'yes' })
  const held = credential('the first token of this test')
  providers.answerCredentials(() => held)
  for (const _ of [1, 2, 3]) t.equal((await ask()).status, 200)
  t.same(seen, Array(3).fill(`Bearer ${held.token}`))
  t.same(asked(), [{ provider_id: provider.provider_id, user_id: who.user_id }], 'the warm ones ask nobody')
  const changes = {
    'a change of the provider': () => providers.change({ kind: 'provider', id: provider.provider_id }),
    'a change of who the user is': () => broker.change({ kind: 'user', id: who.user_id })
  }
  for (const [name, change] of Object.entries(changes)) {
    const next = credential(`the token after ${name}`)
    providers.answerCredentials(() => next)
    change()
    await stage.settle()
    t.equal((await ask()).status, 200)
    t.equal(seen.at(-1), `Bearer ${next.token}`, `${name} empties what is held`)
  }
})

t.test('a token near its end is asked for again', async (t) => {
  const { ask, asked } = await open()
  providers.answerCredentials(() => credential('a token that ends at once', 0))
  await ask()
  await ask()
  t.equal(asked().length, 2)
})

t.test('a refused token is replaced, and the call made once more', async (t) => {
  const { ask, asked } = await open()
  const [old, next] = [credential('a token that is refused'), credential('a token that is taken')]
  accepted.delete(`Bearer ${old.token}`)
  providers.answerCredentials(({ refused }) => (refused ? next : old))
  t.equal((await ask()).status, 200)
  t.match(asked().at(-1)?.refused, { status: 401, challenge, token_hash: hashOf(old.token) })
  t.equal(seen.at(-1), `Bearer ${next.token}`)
})

t.test('where a person has to authorize, the caller is told where, and nothing else is tried', async (t) => {
  const { ask } = await open()
  providers.answerCredentials(({ refused }) => {
    if (refused) throw required()
    return null
  })
  t.match(await ask(), { status: 428, body: { code: 'upstream_authorization_required', authorize_url: /connect/ } })
  providers.answerCredentials(() => {
    throw required()
  })
  const before = seen.length
  t.match(await ask(), { status: 428 })
  t.equal(seen.length, before, 'nor was the server asked without')
})

t.test('a server that wants more rights is asked again only with them', async (t) => {
  const { ask, asked } = await open()
  const held = credential('a token with few rights')
  accepted.clear()
  refusal = 403
  challenge = 'Bearer error="insufficient_scope", scope="write"'
  providers.answerCredentials(({ refused }) => {
    if (refused) throw required()
    return held
  })
  t.match(await ask(), { status: 428, body: { code: 'upstream_authorization_required' } })
  t.match(asked().at(-1)?.refused, { status: 403, challenge })
})

t.test('a 401 that no authorization could help stays what it is', async (t) => {
  const { ask } = await open({ authorization: 'Bearer of-the-provider' })
  providers.answerCredentials(() => null)
  t.match(await ask(), { status: 502, body: { code: 'upstream_unauthorized' } })
})
