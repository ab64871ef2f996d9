import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { checkLength, collect, readBody } from './body.ts'
import { startDeadline } from './deadline.ts'
import { exchange, type Progress } from './exchange.ts'
import { AnswerFault, toEgressError } from './failure.ts'
import { type Headers, headerOf, namesCredential, requestHeaders, withoutCoding } from './headers.ts'
import type { Pools } from './pools.ts'
import { type Hop, nextHop } from './redirect.ts'
import type { CallSignal } from './signal.ts'
import { checkUrl } from './url.ts'

/** Limits of a call; `Infinity` for none. */
export type Limits = {
  /** For the whole call, up to the last byte of the body. Default 30 s. */
  timeoutMs?: number
  /** From the request sent to the head of the answer. Default 15 s. */
  headersTimeoutMs?: number
  /** Between two pieces of the body. Default 15 s. */
  bodyTimeoutMs?: number
  /** Of the body, as it came and decoded. Default 1 MiB. */
  maxBytes?: number
}

export type EgressRequest = Limits & {
  /** Default GET. */
  method?: string
  /** One value each. Host and what belongs to the connection are left out. */
  headers?: Record<string, string>
  body?: string | Uint8Array | Readable | undefined
  /** Its reason is what the call rejects with; a `TimeoutError` is told as `upstream_timeout`. */
  signal?: CallSignal
  /**
   * The call carries something that must not reach another place: it needs https, or a listed loopback address, and
   * follows no redirect. An Authorization, Cookie or Proxy-Authorization header makes it so in any case.
   */
  carriesCredential: boolean
  /** How many redirects are followed when no credential is carried. Default 0. */
  followRedirects?: number
}

/** An answer of any status. Read the body, or `discard` it: until then it holds its connection. */
export type EgressResponse = {
  status: number
  /** Names in lower case; without content-encoding and content-length when the body came compressed. */
  headers: Headers
  /** Decoded and capped; it fails with the errors of `request`. To be read once, by one of these. */
  readonly body: Readable
  text(): Promise<string>
  /** @throws ReportedError `upstream_error` when the body is not JSON */
  json(): Promise<unknown>
  /** Lets go of the body and its connection. */
  discard(): void
}

export const defaults = { timeoutMs: 30_000, headersTimeoutMs: 15_000, bodyTimeoutMs: 15_000, maxBytes: 1_048_576 }

type Settled = { maxBytes: number; method: string; end(): void; explain(error: unknown): unknown }

export const isBodiless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

const parseJson = (text: string, explain: Settled['explain']): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the body, and a body may hold a token.
    throw explain(new AnswerFault('did not answer with JSON'))
  }
}

/** A body that comes as it is, and that its head tells the length of, needs no counting: HTTP/1.1 ends it there. */
const isMeasured = (headers: Headers): boolean =>
  /^\d+$/.test(String(headers['content-length'])) &&
  headers['content-encoding'] === undefined &&
  headers['transfer-encoding'] === undefined

const respond = (answer: Dispatcher.ResponseData, { maxBytes, method, end, explain }: Settled): EgressResponse => {
  const { statusCode: status, headers, body } = answer
  if (!isBodiless(method, status)) checkLength(headers, maxBytes)
  const source = isBodiless(method, status) ? body : readBody(body, headers, maxBytes)
  const discard = (): void => {
    end()
    body.destroy()
  }
  const read = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* source
    } catch (error) {
      throw explain(error)
    } finally {
      discard()
    }
  }
  const bytes = read()
  const readWhole = async (): Promise<string> => {
    try {
      return await body.text()
    } catch (error) {
      throw explain(error)
    } finally {
      discard()
    }
  }
  const text = () => (source !== body && isMeasured(headers) ? readWhole() : collect(bytes))
  return {
    status,
    headers: headers['content-encoding'] === undefined ? headers : withoutCoding(headers),
    get body() {
      return Readable.from(bytes, { objectMode: false })
    },
    text,
    json: async () => parseJson(await text(), explain),
    discard
  }
}

// An unread body that is cut off has nobody to tell, and a stream's error without a listener ends the process.
const hush = ({ body }: Dispatcher.ResponseData): void => {
  body.on('error', () => undefined)
}

/** Makes one guarded call. */
export const send = async (pools: Pools, text: string, request: EgressRequest): Promise<EgressResponse> => {
  const { timeoutMs, maxBytes, signal, followRedirects = 0, ...rest } = { ...defaults, ...request }
  const { method = 'GET', body } = rest
  const headers = requestHeaders(rest.headers ?? {})
  const carriesCredential = rest.carriesCredential || namesCredential(headers)
  const progress: Progress = { sent: 'no' }
  let hop: Hop = { url: checkUrl(text), method: method.toUpperCase(), headers, body }
  const deadline = startDeadline(timeoutMs, pools.running, signal)
  const explain = (error: unknown): unknown => {
    const isGivenUp = signal?.aborted === true && error === signal.reason
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
    return isGivenUp && !isTimeout ? error : toEgressError(error, hop.url.hostname, progress.sent)
  }

  let answer: Dispatcher.ResponseData | undefined
  try {
    for (let left = carriesCredential ? 0 : followRedirects; ; left -= 1) {
      answer = await exchange(hop, progress, { ...rest, deadline, dispatcher: pools.of(hop.url, carriesCredential) })
      hush(answer)
      const next = left > 0 ? nextHop(hop, answer.statusCode, headerOf(answer.headers, 'location')) : undefined
      if (next === undefined) return respond(answer, { maxBytes, method: hop.method, end: deadline.end, explain })
      answer.body.destroy()
      hop = next
    }
  } catch (error) {
    deadline.end()
    answer?.body.destroy()
    throw explain(error)
  }
}
