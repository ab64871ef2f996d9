import type { AnswerCall } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { asStream, type Setting } from './setting.ts'

const faults: Record<string, { answer: AnswerCall; status: number; code: string; timeout_ms?: number }> = {
  'no answer': { answer: () => undefined, status: 504, code: 'upstream_timeout', timeout_ms: 500 },
  'a connection that breaks before the answer': {
    answer: (_, raw) => {
      raw.socket?.resetAndDestroy()
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a connection that breaks within it': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write('data: {"jsonrpc":"2.0"', () => raw.socket?.resetAndDestroy())
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a frame that is none': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write('data: {"jsonrpc":"2.0",\n\n')
      return undefined
    },
    status: 502,
    code: 'upstream_error'
  },
  '500': {
    answer: (_, raw) => {
      raw.writeHead(500).end('oops')
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a line of 10 MB': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write(`data: "${'x'.repeat(10 * 1024 * 1024)}`)
      return undefined
    },
    status: 502,
    code: 'upstream_error'
  },
  'progress without end': {
    answer: (call, raw) => {
      asStream(call, raw)
      const beat = setInterval(() => raw.write('data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'), 5)
      raw.once('close', () => clearInterval(beat))
      return undefined
    },
    status: 504,
    code: 'upstream_timeout',
    timeout_ms: 500
  },
  'nothing but 401': {
    answer: (_, raw) => {
      raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return undefined
    },
    status: 502,
    code: 'upstream_rejected_identity'
  }
}

/** What servers do to calls. */
export const testServers = ({ broker, call, forwarding, issuer, recording }: Setting): void => {
  t.test('whatever a server does to its calls, their callers are told, and it is called again', async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id)
    for (const [name, { answer, status, code, ...more }] of Object.entries(faults)) {
      recording.answer(() => ({ content: [] }))
      const fine = await call(user.headers, { server_identifier, tool: 'x' })
      t.match(fine, { status: 200 }, `before ${name}`)
      const before = recording.calls().length
      recording.answer(answer)
      const told = await Promise.all(
        Array.from({ length: 5 }, () => call(user.headers, { server_identifier, tool: 'x', ...more }))
      )
      for (const one of told) t.match(one, { status, body: { code } }, name)
      const reached = recording.calls().slice(before)
      t.ok(reached.length <= (code === 'upstream_rejected_identity' ? 10 : 5), `${name}: nothing is tried on and on`)
      await Promise.all(reached.map(({ closed }) => closed))
    }
  })

  t.test('a storm of 401s asks for no more tokens than calls, and is over when the server takes them', async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id)
    const asked = issuer.asked().length
    const before = recording.calls().length
    recording.answer((_, raw) => {
      raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return undefined
    })
    const storm = await Promise.all(
      Array.from({ length: 200 }, () => call(user.headers, { server_identifier, tool: 'x' }))
    )
    t.ok(storm.every(({ status, body }) => status === 502 && body.code === 'upstream_rejected_identity'))
    t.ok(recording.calls().length - before <= 400, 'each call is repeated once at most')
    t.ok(issuer.asked().length - asked <= 201)
    recording.answer(() => ({ content: [] }))
    t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  })
}
