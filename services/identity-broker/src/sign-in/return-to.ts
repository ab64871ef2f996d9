import { ReportedError } from '@onbehalf/errors'

/** A path of ours to come back to after signing in; anything that could lead elsewhere is refused. */
export const ownPath = (given: string, publicUrl: string): string => {
  const isPath = /^\/(?![/\\])[^\\\p{Cc}]*$/u.test(given) && URL.canParse(given, publicUrl)
  if (isPath && new URL(given, publicUrl).origin === publicUrl) return given
  throw new ReportedError('invalid_request', 'return_to must be a path of ours, such as /device.', {
    details: [{ path: 'return_to', message: 'must be a path that starts with a single /' }]
  })
}
