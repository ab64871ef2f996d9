import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import type { Static, TSchema } from '@sinclair/typebox'

/** The cursor of a list that goes on behind a place which is more than an id; `readCursor` gives the place back. */
export const writeCursor = (place: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url')

/** The place in a cursor. Throws `invalid_request` where it is none that was handed out. */
export const readCursor = <Place extends TSchema>(schema: Place, cursor: string): Static<Place> => {
  const place = parse(Buffer.from(cursor, 'base64url').toString())
  if (matches(schema, place)) return place
  throw new ReportedError('invalid_request', 'cursor is not one that was handed out. Begin again without it.', {
    details: [{ path: 'cursor', message: 'is not one that was handed out' }]
  })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
