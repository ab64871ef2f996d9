import { once } from 'node:events'
import { connect } from 'node:net'
import type { Asked, Asking } from './load.ts'

type Place = { url: string; user: string; password: string; asker: string; owner: string }

/** A message that is sent again and again; where its answer goes is written in between. */
export type Question = { head: string; rest: Buffer }

const answerMsMax = 30_000
const lineEnd = '\r\n'

/** NATS' HPUB in two parts, with the header that `call` of packages/rpc sends along. */
export const questionOf = (subject: string, body: object): Question => {
  const headers = `NATS/1.0${lineEnd}Onbehalf-Timeout-Ms: 20000${lineEnd}${lineEnd}`
  const payload = JSON.stringify(body)
  const sizes = `${headers.length} ${headers.length + Buffer.byteLength(payload)}`
  return { head: `HPUB ${subject} `, rest: Buffer.from(` ${sizes}${lineEnd}${headers}${payload}${lineEnd}`) }
}

const codeIn = (headers: string): string => /^(?:Onbehalf-Error: |NATS\/1\.0 )(\S+)/m.exec(headers)?.[1] ?? 'no code'

type OnAnswer = (slot: number, failure: string | undefined) => void

/** Calls `onAnswer` for each whole message in `data`; what is left over of it is not whole yet. */
const readMessages = (data: Buffer, onAnswer: OnAnswer, onLine: (line: string) => void): Buffer => {
  let at = 0
  for (;;) {
    const end = data.indexOf(lineEnd, at)
    if (end < 0) return data.subarray(at)
    const line = data.toString('latin1', at, end)
    const bodyAt = end + lineEnd.length
    const [verb, subject = '', , ...sizes] = line.split(' ')
    const hasHeaders = verb === 'HMSG'
    if (!hasHeaders && verb !== 'MSG') {
      onLine(line)
      at = bodyAt
      continue
    }
    const next = bodyAt + Number(sizes.at(-1)) + lineEnd.length
    if (data.length < next) return data.subarray(at)
    const failure = hasHeaders ? codeIn(data.toString('latin1', bodyAt, bodyAt + Number(sizes[0]))) : undefined
    onAnswer(Number(subject.slice(subject.lastIndexOf('.') + 1)), failure)
    at = next
  }
}

/**
 * Asks over NATS without a library, whose share of a question is larger than what is measured: one socket, and messages
 * that are written beforehand but for the inbox of each asker.
 */
export const openRawClient = async ({ url, user, password, asker, owner }: Place) => {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const inbox = `_INBOX.${asker}.${owner}.`
  const options = { user, pass: password, verbose: false, pedantic: false, headers: true, no_responders: true }
  socket.write(`CONNECT ${JSON.stringify(options)}${lineEnd}SUB ${inbox}* 1${lineEnd}`)
  let onAnswer: OnAnswer = () => {}
  let left: Buffer = Buffer.alloc(0)
  const onLine = (line: string) => {
    if (line === 'PING') socket.write(`PONG${lineEnd}`)
    if (line.startsWith('-ERR')) socket.destroy(new Error(`NATS said ${line}`))
  }
  socket.on('data', (chunk: Buffer) => {
    // What is asked while these answers are read goes out in one write.
    socket.cork()
    left = readMessages(left.length > 0 ? Buffer.concat([left, chunk]) : chunk, (...told) => onAnswer(...told), onLine)
    socket.uncork()
  })

  const askerOf = (questions: readonly Question[]): Asking => {
    let next = 0
    const ask = (slot: number) => {
      next = (next + 1) % questions.length
      const question = questions[next]
      if (!question) throw new Error('there is nothing to ask')
      socket.write(`${question.head}${inbox}${slot}`)
      socket.write(question.rest)
    }
    return ({ endsAt, questions: questionsMax = Number.POSITIVE_INFINITY }, inFlight) =>
      new Promise<Asked>((resolve, reject) => {
        const asked: Asked = { times: [], failures: new Map() }
        const startedAt = Array.from({ length: inFlight }, () => 0)
        let underWay = inFlight
        const giveUp = () => reject(new Error(`${underWay} questions were not answered`))
        const timer = setTimeout(giveUp, endsAt - performance.now() + answerMsMax)
        const begin = (slot: number) => {
          startedAt[slot] = performance.now()
          ask(slot)
        }
        onAnswer = (slot, failure) => {
          const now = performance.now()
          asked.times.push(now - (startedAt[slot] ?? now))
          if (failure) asked.failures.set(failure, (asked.failures.get(failure) ?? 0) + 1)
          if (now < endsAt && asked.times.length + underWay <= questionsMax) return begin(slot)
          underWay -= 1
          if (underWay > 0) return
          clearTimeout(timer)
          socket.off('error', reject)
          resolve(asked)
        }
        socket.once('error', reject)
        socket.cork()
        for (let slot = 0; slot < inFlight; slot += 1) begin(slot)
        socket.uncork()
      })
  }
  return { askerOf, close: () => socket.destroy() }
}
