/** A message of the Postgres protocol; the type of the first one of a client is empty. */
export type Message = { type: string; bytes: Buffer }

const lengthBytes = 4

/** Cuts what comes over one direction of a connection without TLS into messages (PostgreSQL docs, 54.7). */
export const createCutter = (who: 'client' | 'server') => {
  // What a client opens with has no type.
  let typeBytes = who === 'client' ? 0 : 1
  let rest = Buffer.alloc(0)
  const next = (): Message | undefined => {
    if (rest.length < typeBytes + lengthBytes) return undefined
    const length = typeBytes + rest.readUInt32BE(typeBytes)
    if (rest.length < length) return undefined
    const bytes = rest.subarray(0, length)
    const type = bytes.toString('latin1', 0, typeBytes)
    rest = rest.subarray(length)
    typeBytes = 1
    return { type, bytes }
  }
  return (chunk: Buffer): Message[] => {
    rest = Buffer.concat([rest, chunk])
    const messages: Message[] = []
    for (let message = next(); message; message = next()) messages.push(message)
    return messages
  }
}

/** The texts without end mark that a message has after its type and length. */
const textsOf = ({ bytes }: Message): string[] => bytes.toString('utf8', 1 + lengthBytes).split('\0')

/** Tells which statement a client's message runs: at a simple query, and where a prepared one is bound. */
export const createStatements = () => {
  const prepared = new Map<string, string>()
  return (message: Message): string | undefined => {
    const [first = '', second = ''] = message.type === '' ? [] : textsOf(message)
    if (message.type === 'Q') return first
    if (message.type === 'P') prepared.set(first, second)
    return message.type === 'B' ? prepared.get(second) : undefined
  }
}

/** Whether a transaction is open, where the server says that it is ready for the next query. */
export const readiness = ({ type, bytes }: Message): { isInTransaction: boolean } | undefined =>
  type === 'Z' ? { isInTransaction: bytes.toString('latin1', 1 + lengthBytes) !== 'I' } : undefined
