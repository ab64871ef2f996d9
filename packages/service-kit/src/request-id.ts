import { randomHex } from './random-hex.ts'

const traceId = /^00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The trace id of the caller's trace context, so that one id follows a request through all services. */
export const requestIdOf = (headers: Record<string, unknown>): string => {
  const { traceparent } = headers
  return (typeof traceparent === 'string' && traceId.exec(traceparent)?.[1]) || randomHex(32)
}
