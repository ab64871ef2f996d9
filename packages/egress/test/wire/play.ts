import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Egress } from '../../src/index.ts'
import { open, readAll, serveTcp, unbound } from '../servers.ts'

/** A call of a tool, as it is asked for. */
export const post = { method: 'POST', carriesCredential: true, ...unbound }

/** Plays a server that is told of each request as it came, and on which connection that was. */
export const play = async (
  t: Test,
  answer: (socket: Socket, asked: { text: string; connection: number; request: number }) => void
) => {
  const sockets: Socket[] = []
  const closes: Promise<unknown>[] = []
  const asked: string[] = []
  const port = await serveTcp(t, (socket) => {
    const connection = sockets.push(socket)
    closes.push(new Promise((resolve) => socket.once('close', resolve)))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString()
      const [, lengthTold] = /content-length: (\d+)/.exec(text) ?? []
      const end = text.indexOf('\r\n\r\n') + 4
      if (end < 4 || Buffer.byteLength(text.slice(end)) < Number(lengthTold ?? 0)) return
      const whole = text
      text = ''
      answer(socket, { text: whole, connection, request: asked.push(whole) })
    })
  })
  const egress = open(t, { allow: `127.0.0.2:${port}`, keepAliveMs: 600_000 })
  const url = `http://127.0.0.2:${port}/`
  const ask = async (body: string, more: Partial<Parameters<Egress['open']>[1]> = {}) =>
    readAll((await egress.open(url, { ...post, body, ...more })).body)
  /** Once the first, the second … connection is closed. */
  const closed = async (number: number): Promise<void> => {
    await closes[number - 1]
  }
  return { egress, url, ask, asked, sockets, closed }
}
/** An answer as it is sent. */
export const saying = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
/** The answer that says what a request said. */
export const echoed = (text: string) => saying(text.slice(text.indexOf('\r\n\r\n') + 4))
