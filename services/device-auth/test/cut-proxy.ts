import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export type CutProxy = {
  url: string
  /** Cuts the line, after the server has worked and before it can answer, for what contains `text`; as often as `times`. */
  cutAnswersTo: (text: string, times: number) => void
  /** How often it has cut the line. */
  cuts: () => number
}

/** A line to a server that can lose answers. */
export const startCutProxy = async (t: Test, serverUrl: string): Promise<CutProxy> => {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const url = new URL(serverUrl)
  url.port = String(address.port)
  return {
    url: url.href,
    cutAnswersTo: (text, times) => {
      cut = { text, times }
    },
    cuts: () => cuts
  }
}
