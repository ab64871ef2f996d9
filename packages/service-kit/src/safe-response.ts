import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http'

type Given = OutgoingHttpHeaders | OutgoingHttpHeader[]

/**
 * Answers that all have these headers, but for what one says differently itself. They go into the head as a text that was
 * made once: set one by one for each answer they would take more memory than all else of it.
 */
export const answersWith = (always: Record<string, string>): typeof ServerResponse => {
  const lines = new Map(Object.entries(always).map(([name, value]) => [name.toLowerCase(), `${name}: ${value}\r\n`]))
  const allLines = [...lines.values()].join('')

  const linesBeside = (said: readonly string[]): string => {
    if (!said.some((name) => lines.has(name))) return allLines
    return [...lines].map(([name, line]) => (said.includes(name) ? '' : line)).join('')
  }

  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    /** Node's own: the head as it will be sent, with the empty line that ends it. */
    declare _header: string | null

    override writeHead(status: number, reason?: string | Given, given?: Given): this {
      const said = saidBy(this, typeof reason === 'string' ? given : reason)
      if (typeof reason === 'string') super.writeHead(status, reason, given)
      else super.writeHead(status, reason)
      if (this._header !== null) this._header = `${this._header.slice(0, -2)}${linesBeside(said)}\r\n`
      return this
    }
  }
}

const noNames: readonly string[] = []

/** The names of the headers that an answer has of itself, in lower case. */
const saidBy = (response: ServerResponse, given: Given | undefined): readonly string[] => {
  const set = response.getHeaderNames()
  const names = given === undefined ? noNames : Array.isArray(given) ? given.flat().map(String) : Object.keys(given)
  return [...set, ...names.map((name) => name.toLowerCase())]
}
