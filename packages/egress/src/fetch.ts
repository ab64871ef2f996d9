import { ReadableStream } from 'node:stream/web'
import { namesCredential } from './headers.ts'
import type { EgressRequest, EgressResponse, Limits } from './request.ts'

// Libraries write `body: undefined`, which RequestInit itself does not allow.
type FetchInit = { [Key in keyof RequestInit]?: RequestInit[Key] | undefined }

/** The part of `fetch` that libraries with a hook for it use. It rejects with the errors of `request`. */
export type Fetch = (input: string | URL | Request, init?: FetchInit) => Promise<Response>

export type FetchOptions = Limits & Partial<Pick<EgressRequest, 'carriesCredential' | 'followRedirects'>>

type Send = (url: string, request: EgressRequest) => Promise<EgressResponse>

const defaults = { timeoutMs: 10_000, headersTimeoutMs: 10_000, bodyTimeoutMs: 10_000, maxBytes: 1_048_576 }

const responseHeaders = ({ headers }: EgressResponse): Headers => {
  const copy = new Headers()
  for (const [name, value = []] of Object.entries(headers)) for (const one of [value].flat()) copy.append(name, one)
  return copy
}

const toResponse = (answer: EgressResponse, url: string): Response => {
  const { status } = answer
  const isBodiless = [204, 205, 304].includes(status)
  if (isBodiless) answer.discard()
  const body = isBodiless ? null : ReadableStream.from<Uint8Array>(answer.body)
  const response = new Response(body, { status, headers: responseHeaders(answer) })
  return Object.defineProperty(response, 'url', { value: url })
}

// As fetch does it: the body decides the Content-Type when the headers do not.
const bodyOf = async (init: FetchInit, headers: Record<string, string>): Promise<Uint8Array | undefined> => {
  if (init.body === undefined || init.body === null) return undefined
  const holder = new Response(init.body)
  headers['content-type'] ??= holder.headers.get('content-type') ?? 'application/octet-stream'
  return holder.bytes()
}

const fromRequest = async (request: Request, init: FetchInit): Promise<FetchInit> => ({
  method: request.method,
  headers: request.headers,
  body: request.body === null ? null : await request.bytes(),
  signal: request.signal,
  ...init
})

/** A guarded `fetch`. Unless told, a call counts as carrying a credential when it sends one by header, or sends a body. */
export const createFetch =
  (send: Send, options: FetchOptions): Fetch =>
  async (input, given = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    const init = input instanceof Request ? await fromRequest(input, given) : given
    const headers = Object.fromEntries(new Headers(init.headers))
    const body = await bodyOf(init, headers)
    const answer = await send(url, {
      ...defaults,
      carriesCredential: body !== undefined || namesCredential(headers),
      ...options,
      method: init.method ?? 'GET',
      headers,
      ...(body === undefined ? {} : { body }),
      ...(init.signal ? { signal: init.signal } : {})
    })
    return toResponse(answer, url)
  }
