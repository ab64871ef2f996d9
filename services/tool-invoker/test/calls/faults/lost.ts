import { ReportedError } from '@onbehalf/errors'
import type { McpRequest } from '@onbehalf/mcp'
import type { AnswerCall } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { askOnceMore } from '../../../src/calls/once-more.ts'
import { asStream, type Setting } from './setting.ts'

type Ears = Pick<McpRequest, 'onEvent' | 'onRequest'>

/** What was lost with a connection. */
export const testLost = ({ broker, call, forwarding, issuer, origin, recording, settle }: Setting): void => {
  t.test('what was lost is made once more, where the tool says that this does no harm', async (t) => {
    const user = await broker.signIn()
    const safe = { name: 'safe', annotations: { idempotentHint: true } }
    const { server_identifier } = forwarding(user.tenant_id, { tools: [safe, { name: 'plain' }] })
    let failures = 0
    const breakSo = (count: number, how: AnswerCall = () => undefined): void => {
      failures = count
      recording.answer((one, raw) => {
        if (failures === 0) return { content: [] }
        failures -= 1
        how(one, raw)
        raw.socket?.resetAndDestroy()
        return undefined
      })
    }
    const make = async (tool: string) => {
      const before = recording.calls().length
      const { status } = await call(user.headers, { server_identifier, tool })
      return { status, made: recording.calls().length - before }
    }
    breakSo(1)
    t.match(await make('safe'), { status: 200, made: 2 })
    breakSo(1)
    t.match(await make('plain'), { status: 502, made: 1 })
    breakSo(2)
    t.match(await make('safe'), { status: 502, made: 2 }, 'once and no more')
    recording.answer((_, raw) => {
      raw.writeHead(503).end()
      return undefined
    })
    t.match(await make('safe'), { status: 502, made: 1 }, 'what was answered was not lost')
    const progress = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n'
    const heard = Promise.withResolvers<void>()
    recording.answer((one, raw) => {
      asStream(one, raw)
      raw.write(progress)
      heard.promise.then(() => raw.socket?.resetAndDestroy())
      return undefined
    })
    const before = recording.calls().length
    const streamed = await fetch(`${await origin()}/v1/tools/call`, {
      method: 'POST',
      headers: { ...user.headers, accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ server_identifier, tool: 'safe' })
    })
    let told = ''
    const decoder = new TextDecoder()
    for await (const piece of streamed.body ?? []) {
      told += decoder.decode(piece)
      if (told.includes('event: progress')) heard.resolve()
    }
    t.match(told, /event: error/)
    t.equal(recording.calls().length - before, 1, 'nor what had begun to be told')
    const saysSo: ((ears: Ears) => unknown)[] = [
      ({ onEvent }) => onEvent?.({ method: 'notifications/message', params: {} }),
      ({ onRequest }) => onRequest?.({ method: 'roots/list', params: {} })
    ]
    for (const say of saysSo) {
      let asked = 0
      const request = async (heard: Ears) => {
        asked += 1
        say(heard)
        throw new ReportedError('upstream_unavailable', 'It broke.')
      }
      const { signal } = new AbortController()
      const onRequest = async () => ({ result: {} })
      const call = { url: '', headers: {}, timeoutMs: 1, method: 'tools/call', params: {}, signal, onRequest }
      await t.rejects(askOnceMore({ request }, call), { message: 'It broke.' })
      t.equal(asked, 1, 'nor where it said something that its caller does not hear, or asked')
    }
    const asked: McpRequest[] = []
    const request = async (one: McpRequest) => {
      asked.push(one)
      throw new ReportedError('upstream_unavailable', 'It broke.')
    }
    const ears = { onEvent: () => {}, onRequest: async () => ({ result: {} }), pass: () => undefined }
    const { signal } = new AbortController()
    const twice = { url: '', headers: {}, timeoutMs: 1, method: 'tools/call', params: {}, signal, ...ears }
    await t.rejects(askOnceMore({ request }, twice), { message: 'It broke.' })
    t.equal(asked.length, 2)
    t.match(asked[1], ears, 'the second is heard by whom the first was')
    issuer.behave({ reusable: false })
    broker.change({ kind: 'user', id: user.user_id })
    await settle()
    breakSo(1)
    t.match(await make('safe'), { status: 502, made: 1 }, 'nor with a token that is good for one call')
  })
}
