import { connect } from 'node:net'

/** Whether a server on this port says something that matches, within a second. */
export const answers = (port: number, { question, expected }: { question?: string; expected: RegExp }) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (isExpected: boolean) => {
      socket.destroy()
      resolve(isExpected)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => resolve(false))
    socket.once('data', (data) => end(expected.test(data.toString('latin1'))))
    if (question !== undefined) socket.write(question)
  })

/** Whether anything listens on this port. */
export const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (isListening: boolean) => {
      socket.destroy()
      resolve(isListening)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('connect', () => end(true))
  })
