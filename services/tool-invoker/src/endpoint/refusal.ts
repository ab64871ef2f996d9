import { ReportedError, toReported } from '@onbehalf/errors'
import { isJson, type Json, McpServerError } from '@onbehalf/mcp'
import { newId } from '@onbehalf/service-kit'
import type { Envelope } from './envelope.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

/** Needs a capability of the client (2026-07-28): the one error of a server that is also an HTTP status. */
const missingCapability = -32021

/**
 * What a tool call that was refused comes to: a result that says so, since a model can tell its user what to do; or, for a
 * client that can show a page, the request to show it. What is the client's mistake, or the server's own error, is thrown.
 */
export const refusedCall = (thrown: unknown, envelope: Envelope): object => {
  const pages = serverPages(thrown, envelope)
  if (pages) return pages
  const fault = faultWithin(thrown)
  if (fault) throw fault
  const error = toReported(thrown)
  if (isOurs(error)) throw thrown
  return signInPage(error, envelope) ?? refusalResult(error)
}

/**
 * The request to show the page where the user signs in, for a client that can; undefined for others. In 2025-11-25 it is
 * an error, which is thrown.
 */
export const signInPage = (thrown: unknown, { era, capabilities }: Envelope): object | undefined => {
  const { message, extras } = toReported(thrown)
  const url = linkOf(extras)
  if (url === undefined || !canShowPages(capabilities)) return undefined
  const params = { mode: 'url', message, url, elicitationId: newId() }
  if (era === 'legacy')
    throw new RpcFault(rpcCodes.urlElicitationRequired, message, { data: { elicitations: [params] } })
  // Our own page finds out by itself who is signed in there; the client only asks again, so that there is no state to keep.
  return { resultType: 'input_required', inputRequests: { sign_in: { method: 'elicitation/create', params } } }
}

/**
 * The pages that a server of 2025-11-25 says have to be shown first, as a client of 2026-07-28 that can is asked for them; undefined
 * for all else, and for others, who get the server's own error.
 */
export const serverPages = (thrown: unknown, { era, capabilities }: Envelope): object | undefined => {
  const fault = faultWithin(thrown)
  if (fault?.code !== rpcCodes.urlElicitationRequired || era === 'legacy' || !canShowPages(capabilities))
    return undefined
  const { elicitations } = isJson(fault.data) ? fault.data : {}
  if (!Array.isArray(elicitations) || elicitations.length === 0 || elicitations.length > pagesMax) return undefined
  const requests = elicitations.map((params, index) => [`page_${index}`, { method: 'elicitation/create', params }])
  return { resultType: 'input_required', inputRequests: Object.fromEntries(requests) }
}

const pagesMax = 20

const canShowPages = ({ elicitation }: Json): boolean => isJson(elicitation) && isJson(elicitation.url)

const linkOf = ({ connect_url, authorize_url }: ReportedError['extras']): string | undefined =>
  connect_url ?? authorize_url

/** The JSON-RPC error of anything that was thrown, and its HTTP status where nothing was sent yet. */
export const faultOf = (thrown: unknown): RpcFault => {
  if (thrown instanceof RpcFault) return thrown
  const fault = faultWithin(thrown)
  if (fault) return fault
  const { code, message, status, extras } = toReported(thrown)
  const rpcCode = status === 500 ? rpcCodes.internal : isParams(code) ? rpcCodes.invalidParams : rpcCodes.serverError
  const { retry_after_seconds, connect_url, authorize_url, details } = extras
  const data = { code, retry_after_seconds, connect_url, authorize_url, details }
  // A 428 would be no answer of this protocol.
  return new RpcFault(rpcCode, message, { status: status === 428 ? 200 : status, data })
}

/** Whether it says something about the request, and nothing about who may do what. */
const isOurs = ({ code, status }: ReportedError): boolean =>
  code === 'internal' || code === 'cancelled' || code === 'too_many_requests' || (isParams(code) && status !== 422)

const isParams = (code: string): boolean =>
  code === 'invalid_request' || code === 'not_found' || code === 'invalid_arguments'

/** What is an error of the protocol itself, whoever said it. */
const faultWithin = (thrown: unknown): RpcFault | undefined => {
  const cause = thrown instanceof ReportedError ? thrown.cause : undefined
  if (cause instanceof RpcFault) return cause
  if (!(cause instanceof McpServerError)) return undefined
  const { code, message, data } = cause
  return new RpcFault(code, message, { status: code === missingCapability ? 400 : 200, data })
}

const refusalResult = (error: ReportedError) => {
  const { code, message, extras } = error
  const { retry_after_seconds } = extras
  const link = linkOf(extras)
  return {
    resultType: 'complete',
    isError: true,
    content: [{ type: 'text', text: link === undefined ? message : `${message} ${link}` }],
    _meta: { 'onbehalf/error': { code, ...(link && { link }), ...(retry_after_seconds && { retry_after_seconds }) } }
  }
}
