import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/**
 * How a name is answered: with these TXT records, with IPv4 addresses (each question with the next ones, the last for
 * good), not at all, or with a server failure.
 */
export type DnsAnswer = readonly string[] | { addresses: readonly (readonly string[])[] } | 'silence' | 'failure'

export type DnsServer = {
  /** `127.0.0.1:port`, as a resolver takes it. */
  address: string
  /** What is answered from now on; a name that was never set does not exist. */
  set: (name: string, answer: DnsAnswer) => void
  /** Every name that was asked for, in order. */
  asked: string[]
  stop: () => Promise<void>
}

/** A name server (RFC 1035, over UDP on loopback) that knows TXT and A records and nothing else. */
export const startDns = async (): Promise<DnsServer> => {
  const answers = new Map<string, DnsAnswer>()
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const name = nameIn(query)
    asked.push(name)
    const answer = answers.get(name)
    if (answer === 'silence') return
    socket.send(replyTo(query, answer), port, address)
    if (typeof answer === 'object' && 'addresses' in answer && answer.addresses.length > 1)
      answers.set(name, { addresses: answer.addresses.slice(1) })
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    set: (name, answer) => void answers.set(name.toLowerCase(), answer),
    asked,
    stop: async () => {
      socket.close()
      await once(socket, 'close')
    }
  }
}

const headerBytes = 12

/** The labels of the question, up to the empty one (RFC 1035 §4.1.2). */
const labelsOf = (query: Buffer): string[] => {
  const labels: string[] = []
  for (let at = headerBytes; query[at]; at += 1 + (query[at] ?? 0))
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return labels
}

const nameIn = (query: Buffer): string => labelsOf(query).join('.').toLowerCase()

const noError = 0
const serverFailure = 2
const noSuchName = 3

const recordsOf = (answer: Exclude<DnsAnswer, 'silence'> | undefined): Buffer[] => {
  if (typeof answer !== 'object') return []
  if (!('addresses' in answer)) return answer.map((text) => recordOf(txt, textData(text)))
  return (answer.addresses[0] ?? []).map((address) => recordOf(a, Buffer.from(address.split('.').map(Number))))
}

const replyTo = (query: Buffer, answer: Exclude<DnsAnswer, 'silence'> | undefined): Buffer => {
  const records = recordsOf(answer)
  const code = answer === 'failure' ? serverFailure : answer === undefined ? noSuchName : noError
  const header = Buffer.alloc(headerBytes)
  query.copy(header, 0, 0, 2)
  // A response, recursion asked for and available (§4.1.1), one question.
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  const questionBytes = labelsOf(query).reduce((sum, label) => sum + label.length + 1, 1) + 4
  return Buffer.concat([header, query.subarray(headerBytes, headerBytes + questionBytes), ...records])
}

const a = 1
const txt = 16

/** A text in strings of 255 bytes (§3.3.14). */
const textData = (text: string): Buffer =>
  Buffer.concat(
    (text.match(/.{1,255}/gs) ?? ['']).map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)]))
  )

/** A record of the question's own name, which is at byte 12 (§4.1.4), to be kept for no time. */
const recordOf = (type: number, data: Buffer): Buffer => {
  const fixed = Buffer.alloc(12)
  fixed.writeUInt16BE(0xc000 | headerBytes, 0)
  fixed.writeUInt16BE(type, 2)
  fixed.writeUInt16BE(1, 4)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}
