import { connect, createServer, type Socket } from 'node:net'
import { listen } from '@onbehalf/testkit'
import type { Test } from 'tap'
import { type Running, signInDevice } from './start.ts'

type CutProxy = {
  /** What a replica at its other end needs: it does not wait long for what was lost. */
  environment: { REDIS_URL: string; REDIS_TIMEOUT_MS: string }
  /** Cuts the line, after the server has worked and before it can answer, for what contains `text`; as often as `times`. */
  cutAnswersTo: (text: string, times: number) => void
  /** How often it has cut the line. */
  cuts: () => number
}

/** A line to a server that can lose answers. */
const startCutProxy = async (t: Test, serverUrl: string): Promise<CutProxy> => {
  const target = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let cut = { text: '', times: 0 }
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let isDoomed = false
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) sockets.add(socket.on('error', end).on('close', end))
    client.on('data', (chunk) => {
      if (cut.times > 0 && chunk.includes(cut.text)) {
        cut.times -= 1
        cuts += 1
        isDoomed = true
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => (isDoomed ? end() : client.write(chunk)))
  })
  const port = await listen(server)
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = new URL(serverUrl)
  url.port = String(port)
  return {
    environment: { REDIS_URL: url.href, REDIS_TIMEOUT_MS: '1000' },
    cutAnswersTo: (text, times) => {
      cut = { text, times }
    },
    cuts: () => cuts
  }
}

/** A replica at such a line, which has signed a device of somebody's in and knows all it will ask. */
export const startCutReplica = async (
  t: Test,
  { backends, broker, startReplica }: Pick<Running, 'backends' | 'broker' | 'startReplica'>
) => {
  const proxy = await startCutProxy(t, backends.environmentFor('device-auth').REDIS_URL ?? '')
  const cut = await startReplica({ environment: proxy.environment })
  const who = await broker.signIn()
  await signInDevice(cut, who)
  return { proxy, cut, who }
}
