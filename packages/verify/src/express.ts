import { type AuthInfo, authInfoOf } from './auth-info.ts'
import { VerifyError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Verifier } from './verifier.ts'

declare global {
  namespace Express {
    interface Request {
      /** Whom the request's token names. */
      identity?: Identity
    }
  }
}

/** What is used of Express' request, and what is added to it. */
type Request = {
  method: string
  headers: { authorization?: string | undefined }
  body?: unknown
  identity?: Identity
  /** As the MCP SDK's transports read it. */
  auth?: AuthInfo
}
type Response = {
  status: (code: number) => Response
  set: (headers: Record<string, string>) => Response
  json: (body: unknown) => unknown
}
type Next = (error?: unknown) => void

/**
 * Express middleware: lets a request through with `request.identity`, or answers 401 (503 while nobody can say). Put it
 * behind `express.json()`: a token that is for one call is held against the body.
 */
export const requireIdentity =
  (verifier: Verifier) =>
  async (request: Request, response: Response, next: Next): Promise<void> => {
    try {
      if (request.method === 'POST' && request.body === undefined) throw new Error('put express.json() before it')
      const { authorization } = request.headers
      request.identity = await verifier.authenticate({ authorization, body: request.body })
      request.auth = authInfoOf(request.identity, authorization)
    } catch (error) {
      if (!(error instanceof VerifyError)) return next(error)
      const { status, headers, body } = verifier.refusalOf(error)
      response.status(status).set(headers).json(body)
      return
    }
    next()
  }
