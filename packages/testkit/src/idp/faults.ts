import type { ServerResponse } from 'node:http'
import type { Signer } from './signer.ts'

/**
 * What the token endpoint does instead of its work. `lost` and `late-hang` are the treacherous ones: the request is
 * worked on, the refresh token rotated, and only the answer is gone.
 */
export type TokenEndpointFault =
  | 'off'
  | '500'
  | '503'
  | '429'
  | 'hang'
  | 'reset'
  | 'empty-400'
  | 'invalid_grant'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unreadable-200'
  | 'lost'
  | 'late-hang'

export type TokenAnswer = { status: number; body?: string; headers?: Record<string, string> }

/** What is answered without any work, made for whom the refresh token is of and for what is asked for. */
export type MakeAnswer = (asked: { sub: string; resource: string; signer: Signer }) => Promise<TokenAnswer>

const json = { 'content-type': 'application/json' }

const answers: Partial<Record<TokenEndpointFault, TokenAnswer>> = {
  '500': { status: 500, body: '{"error":"server_error"}' },
  '503': { status: 503, body: 'down for maintenance' },
  '429': { status: 429, headers: { 'retry-after': '1' } },
  'empty-400': { status: 400 },
  invalid_target: { status: 400, body: '{"error":"invalid_target"}' },
  invalid_grant: { status: 400, body: '{"error":"invalid_grant"}' },
  unauthorized_client: { status: 403, body: '{"error":"unauthorized_client"}' },
  'unreadable-200': { status: 200, body: '{"access_token": "cut of' }
}

const send = (response: ServerResponse, { status, body, headers }: TokenAnswer): void => {
  response.writeHead(status, { ...json, ...headers }).end(body)
}

export const createFaults = () => {
  let mode: TokenEndpointFault | MakeAnswer = 'off'
  let timesLeft = 0

  const take = (): TokenEndpointFault | MakeAnswer => {
    if (mode === 'off' || timesLeft === 0) return 'off'
    timesLeft -= 1
    return mode
  }

  /** Does the wrong instead of the work; says whether it did. The work is still to be done for the late ones. */
  const misbehave = (fault: TokenEndpointFault, response: ServerResponse): boolean => {
    if (fault === 'hang') return true
    if (fault === 'reset') {
      response.socket?.resetAndDestroy()
      return true
    }
    const answer = answers[fault]
    if (!answer) return false
    send(response, answer)
    return true
  }

  return {
    take,
    misbehave,
    send,
    /** The next `times` requests to the token endpoint go wrong in this way; `off` ends it. */
    failTokenEndpoint: (next: TokenEndpointFault | MakeAnswer, times = Number.POSITIVE_INFINITY): void => {
      mode = next
      timesLeft = times
    }
  }
}
