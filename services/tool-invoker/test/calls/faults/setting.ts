import type { TestContext } from '@onbehalf/testkit'
import { type AnswerCall, startModern } from '@onbehalf/testkit/mcp-servers'
import { startLegacyServer } from '../../endpoint/legacy-server.ts'
import { startStage } from '../../stage.ts'

export const asStream: AnswerCall = (_, raw) => {
  raw.writeHead(200, { 'content-type': 'text/event-stream' })
  return undefined
}

// What a call is given that is answered at once all the same.
export const quick = { is: 'quick' }

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** The service with a server that fails as a test wants, and one of each era that is made with the SDK. */
export const startSetting = async (t: TestContext) => {
  const [legacy, modern] = await Promise.all([startLegacyServer(t), startModern()])
  t.teardown(modern.stop)
  const stage = await startStage(t, { alsoAllowed: [legacy.port, modern.port] })
  const { providers, recording } = stage
  const forwarding = (tenant_id: string, more: object = {}) =>
    providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token', ...more })

  /** The server holds its answers to so many calls until it is let go on. */
  const holdCalls = (count: number) => {
    const here = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let arrived = 0
    recording.answer(({ id, arguments: given }, raw) => {
      if (JSON.stringify(given) === JSON.stringify(quick)) return { content: [] }
      arrived += 1
      if (arrived === count) here.resolve()
      const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
      goOn.promise.then(() => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer))
      return undefined
    })
    return { here: here.promise, goOn: goOn.resolve }
  }

  let listening: Promise<string> | undefined
  /** Where the service is reached over the network. */
  const origin = () => {
    listening ??= stage.app.listen({ host: '127.0.0.1', port: 0 })
    return listening
  }

  return { ...stage, legacy, modern, forwarding, holdCalls, origin }
}
