import { ReportedError } from '@onbehalf/errors'

const visible = /^[\x21-\x7e]{1,255}$/

/** The Idempotency-Key of a request, empty where it has none. Throws `invalid_request` for one that is none. */
export const idempotencyKeyOf = ({ headers }: { headers: Record<string, string | string[] | undefined> }): string => {
  const key = headers['idempotency-key']
  if (key === undefined) return ''
  if (typeof key === 'string' && visible.test(key)) return key
  throw new ReportedError('invalid_request', 'Idempotency-Key takes 1 to 255 visible ASCII characters.', {
    details: [{ path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }]
  })
}
