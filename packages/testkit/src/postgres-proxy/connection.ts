import { connect, type Socket } from 'node:net'
import { type Commit, createCommits } from './commits.ts'
import { createCutter, type Message } from './messages.ts'

/** Where a commit waits, before Postgres sees it or before its client hears of it; and then whether it goes on. */
export type Stop = { at: 'before' | 'after'; pass: () => Promise<boolean> }
type FindStop = (commit: Commit) => Stop | undefined

/** Leads one client to Postgres, message by message. */
export const leadConnection = (client: Socket, port: number, findStop: FindStop): void => {
  const server = connect({ port, host: '127.0.0.1' })
  const commits = createCommits()
  let answer: Stop | undefined
  const end = () => {
    client.destroy()
    server.destroy()
  }
  const write = (to: Socket, { bytes }: Message) => void (to.writable && to.write(bytes))

  const fromClient = async (message: Message) => {
    const commit = commits.ofClient(message)
    const stop = commit && findStop(commit)
    if (stop?.at === 'before' && !(await stop.pass())) return end()
    if (stop?.at === 'after') answer = stop
    write(server, message)
  }

  let keptBack: Message[] = []
  const fromServer = async (message: Message) => {
    const isReady = commits.ofServer(message)
    keptBack.push(message)
    if (answer && !isReady) return
    const stop = answer
    answer = undefined
    if (stop && !(await stop.pass())) return end()
    for (const kept of keptBack) write(client, kept)
    keptBack = []
  }

  inOrder(client, createCutter('client'), fromClient, end)
  const toClient = inOrder(server, createCutter('server'), fromServer, end)
  // What waits when its client is gone never reaches Postgres; what Postgres said last does reach its client.
  client.on('close', end)
  server.on('close', () => void toClient().finally(end))
}

/** One message after the other, however long one waits; resolves when those that came until now have passed. */
const inOrder = (
  socket: Socket,
  cut: (chunk: Buffer) => Message[],
  pass: (message: Message) => Promise<void>,
  end: () => void
): (() => Promise<void>) => {
  let last = Promise.resolve()
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    for (const message of cut(chunk)) last = last.then(() => pass(message)).catch(end)
  })
  socket.on('error', end)
  return () => last
}
