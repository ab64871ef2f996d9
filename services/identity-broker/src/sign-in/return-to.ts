import { ReportedError } from '@onbehalf/errors'
import { Type } from '@sinclair/typebox'

/** Up to 6 KiB in UTF-8: with 8 KiB of resources what is remembered of a sign-in stays below 16 KiB. */
export const returnToMax = 2048
export const ReturnTo = Type.String({ minLength: 1, maxLength: returnToMax })

/** A path of ours to come back to after signing in; anything that could lead elsewhere is refused. */
export const ownPath = (given: string, publicUrl: string): string => {
  const isPath = /^\/(?![/\\])[^\\\p{Cc}]*$/u.test(given) && URL.canParse(given, publicUrl)
  if (isPath && new URL(given, publicUrl).origin === publicUrl) return given
  throw new ReportedError('invalid_request', 'return_to must be a path of ours, such as /device.', {
    details: [{ path: 'return_to', message: 'must be a path that starts with a single /' }]
  })
}
