import { ReportedError, toReported } from '@onbehalf/errors'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { schemaFault } from './schema-fault.ts'

/** How an error is written for one family of routes. */
export type RenderError = (error: ReportedError, request: FastifyRequest) => Record<string, unknown>

/** The usual body: code, message, status, request id, and what goes with the error. */
export const renderReported = ({ code, message, status, extras }: ReportedError, request_id: string) => {
  const { retry_after_seconds: _, ...shown } = extras
  return { code, message, status, request_id, ...shown }
}
export const renderError: RenderError = (error, { id }) => renderReported(error, id)

/** RFC 6749 §5.2: what OAuth clients of the device flow read. */
export const renderOAuthError: RenderError = ({ code, message, extras: { connect_url } }) => ({
  ...{ error: code, error_description: message },
  ...(connect_url ? { connect_url } : {})
})

/** The one place where an error becomes an answer. */
export const errorHandler =
  (render: RenderError) =>
  (thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = beginError(thrown, request, reply)
    return reply.type('application/json').serializer(JSON.stringify).send(render(error, request))
  }

/** What to tell of `thrown`, logged, with the answer's status and headers set: for routes that answer with a page. */
export const beginError = (
  thrown: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply
): ReportedError => {
  const error = reportedOf(thrown, request)
  if (error.extras.retry_after_seconds) reply.header('retry-after', String(error.extras.retry_after_seconds))
  const challenge = challengeOf(error)
  if (challenge) reply.header('www-authenticate', challenge)
  // No onSend hook follows where Fastify itself refused.
  reply.status(error.status).header('cache-control', 'no-store').header('x-request-id', request.id)
  return error
}

// RFC 6750 §3 and §3.1, RFC 9470 §3
const challengeOf = ({ code, extras }: ReportedError): string | undefined => {
  if (code === 'unauthenticated' || code === 'invalid_bearer') return 'Bearer'
  const saidOf = (word: string) => extras.details?.find(({ path }) => path === word)?.message
  if (code === 'insufficient_user_authentication') return `Bearer error="${code}", max_age="${saidOf('max_age')}"`
  const scope = code === 'forbidden' && saidOf('scope')
  return scope ? `Bearer error="insufficient_scope", scope="${scope}"` : undefined
}

/** What to tell of `thrown`, logged; for an answer whose status has been sent. */
export const reportedOf = (thrown: unknown, { log }: Pick<FastifyRequest, 'log'>): ReportedError => {
  const error = fromFastify(thrown) ?? toReported(thrown)
  if (error.code === 'internal') log.error({ err: thrown }, 'unexpected error')
  else if (error.status >= 500) log.warn({ err: error }, 'refused')
  else log.debug({ err: error }, 'refused')
  return error
}

export const notFoundHandler = (render: RenderError) => (request: FastifyRequest, reply: FastifyReply) =>
  reply
    .status(404)
    .header('cache-control', 'no-store')
    .send(render(new ReportedError('not_found', `There is no ${request.method} ${pathOf(request)} here.`), request))

const pathOf = ({ url }: FastifyRequest) => url.split('?')[0]

const fromFastify = (thrown: unknown): ReportedError | undefined => {
  if (thrown instanceof ReportedError) return thrown
  if (!isFastifyError(thrown)) return undefined
  return thrown.validation ? schemaFault(thrown) : requestFaults.get(thrown.code)?.(thrown)
}

const isFastifyError = (thrown: unknown): thrown is FastifyError =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'

type RequestFault = (thrown: Error) => ReportedError

const malformedBody: RequestFault = (cause) =>
  new ReportedError('invalid_request', 'The body is not valid JSON. Send a JSON object.', { cause })

const requestFaults: ReadonlyMap<string, RequestFault> = new Map(
  Object.entries<RequestFault>({
    FST_ERR_CTP_INVALID_JSON_BODY: malformedBody,
    FST_ERR_CTP_EMPTY_JSON_BODY: malformedBody,
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: malformedBody,
    FST_ERR_CTP_INVALID_MEDIA_TYPE: (cause) =>
      new ReportedError('unsupported_media_type', 'Send the body as application/json.', { cause }),
    FST_ERR_CTP_BODY_TOO_LARGE: (cause) => new ReportedError('payload_too_large', 'The body is too large.', { cause }),
    // Without the cause: it repeats the path.
    FST_ERR_BAD_URL: () => new ReportedError('invalid_request', 'The path is not a valid URL path.'),
    FST_ERR_MAX_PARAM_LENGTH: () => new ReportedError('not_found', 'There is nothing here.')
  })
)
