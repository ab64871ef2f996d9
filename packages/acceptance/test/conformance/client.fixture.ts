import { randomUUID } from 'node:crypto'
import { rmdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/*
 * What the conformance suite runs as "the client": it registers the suite's server with a running installation, authorizes
 * as a browser would, and calls the server's tools. The client that is looked at is the installation's.
 */

const { PLATFORM_URL: platformUrl = '', PLATFORM_COOKIE: cookie = '', PLATFORM_CSRF: csrf = '' } = process.env
const serverUrl = process.argv.at(-1) ?? ''
const context: Context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT || '{}')

type Context = {
  client_id?: string
  client_secret?: string
  toolCalls?: { name: string; arguments: Record<string, unknown> }[]
}
type Tool = { name: string; input_schema?: { properties?: Record<string, { type?: string }> } }
type Body = { id?: string; code?: string; message?: string; status?: unknown; authorize_url?: string; tools?: Tool[] }
type Answer = { status: number; body: Body; cookies: string[] }

const send = async (method: string, path: string, json?: unknown): Promise<Answer> => {
  const headers = { cookie, 'x-csrf-token': csrf, origin: platformUrl, 'content-type': 'application/json' }
  const body = JSON.stringify(json ?? {})
  const answer = await fetch(`${platformUrl}${path}`, { method, headers, ...(method === 'GET' ? {} : { body }) })
  const text = await answer.text()
  console.log(method, path, answer.status, text.slice(0, 500))
  const cookies = answer.headers.getSetCookie().map((one) => one.split(';')[0] ?? '')
  return { status: answer.status, body: JSON.parse(text || '{}'), cookies }
}

/** To the authorization server, which asks nobody anything, and back to the callback in the same browser. */
const authorize = async (id: string): Promise<void> => {
  const begun = await send('POST', `/v1/mcp-providers/${id}/authorize`)
  if (begun.status !== 200) throw new Error('the authorization did not begin')
  if (!begun.body.authorize_url) return
  const sent = await fetch(begun.body.authorize_url, { redirect: 'manual' })
  const location = sent.headers.get('location') ?? ''
  console.log('consent', sent.status, location)
  const back = await fetch(location, { headers: { cookie: begun.cookies.join('; ') } })
  const page = await back.text()
  if (back.status !== 200) throw new Error(`the authorization failed: ${/<p>([^<]*)/.exec(page)?.[1]}`)
}

const samples: Record<string, unknown> = { number: 1, integer: 1, boolean: true, string: 'x' }
const argumentsOf = ({ input_schema }: Tool) =>
  Object.fromEntries(
    Object.entries(input_schema?.properties ?? {}).map(([name, { type = 'string' }]) => [name, samples[type] ?? null])
  )

const authorizationsMax = 3
let authorizations = 0

/** Does it, and again after each authorization that it asks for. */
const withAuthorization = async (id: string, work: () => Promise<Answer>, wants: (answer: Answer) => boolean) => {
  for (;;) {
    const answer = await work()
    if (!wants(answer)) return answer
    if (authorizations === authorizationsMax) throw new Error('there is no end to the authorizations')
    authorizations += 1
    await authorize(id)
  }
}

/** The suite starts all of its scenarios at once; so many are worked on at a time, or each is too slow for it. */
const placesMax = 3
const takePlace = async (): Promise<void> => {
  for (;;) {
    for (let place = 0; place < placesMax; place += 1) {
      const path = `${process.env.CONFORMANCE_PLACES}-${place}`
      const isTaken = await mkdir(path).then(
        () => false,
        () => true
      )
      if (isTaken) continue
      process.on('exit', () => rmdirSync(path))
      return
    }
    await setTimeout(50)
  }
}

await takePlace()
const name = `c-${randomUUID().slice(0, 8)}`
const { client_id, client_secret } = context
const authentication = client_id ? { authentication: { client_id, client_secret: client_secret ?? null } } : {}
const made = await send('POST', '/v1/mcp-providers', {
  ...{ name, server_identifier: name, server_url: serverUrl, configuration: { timeout: 60, sse_read_timeout: 60 } },
  ...authentication
})
const id = made.body.id ?? ''
const list = () => send('POST', `/v1/mcp-providers/${id}/refresh-tools`)
const listed = await withAuthorization(id, list, ({ body }) => JSON.stringify(body).includes('"needs_identity"'))
const calls =
  context.toolCalls ?? (listed.body.tools ?? []).map((tool) => ({ name: tool.name, arguments: argumentsOf(tool) }))
let isWell = true
for (const call of calls) {
  // The suite sends a null where the tool's own schema wants another type: arguments are checked, so it is left out.
  const drop_empty_arguments = Object.values(call.arguments).includes(null)
  const asked = { server_identifier: name, tool: call.name, arguments: call.arguments, drop_empty_arguments }
  const isRequired = ({ body }: Answer) => body.code === 'upstream_authorization_required'
  const { status } = await withAuthorization(id, () => send('POST', '/v1/tools/call', asked), isRequired)
  isWell &&= status === 200
}
if (!isWell) throw new Error('a call failed')
