import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/** One time that a refresh token was shown at the token endpoint. `began` and `over` count what happened there. */
export type Presentation = {
  /** A digest: which refresh token it was, and not what it is. */
  token: string
  /** Whose it is, as long as the IdP knows it. */
  sub: string | undefined
  began: number
  /** When its answer was out or its connection had ended; undefined while an answer can still arrive. */
  over: number | undefined
  /** What was answered in full; undefined where nothing was. */
  status: number | undefined
  /** False where the answer could not be understood. */
  isReadable: boolean
}

/** Every refresh token that is shown, in order, and how far its answer got. */
export const createPresentations = () => {
  const all: Presentation[] = []
  let moments = 0
  const nextMoment = () => {
    moments += 1
    return moments
  }
  return {
    begin: (refreshToken: string, sub: string | undefined, response: ServerResponse): Presentation => {
      const token = createHash('sha256').update(refreshToken).digest('base64url')
      const began = nextMoment()
      const presentation: Presentation = { token, sub, began, over: undefined, status: undefined, isReadable: true }
      response.once('finish', () => {
        presentation.status = response.statusCode
      })
      response.once('close', () => {
        presentation.over = nextMoment()
      })
      all.push(presentation)
      return presentation
    },
    snapshot: (): Presentation[] => structuredClone(all)
  }
}
