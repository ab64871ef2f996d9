import { countInWindows } from '@onbehalf/service-kit'

const message = 'This token was used too often here. Wait a little.'

/**
 * Counts how often a token is shown to our own routes, 60 times a minute at most, before anybody looks up whose it is: one
 * that is unknown or was revoked costs no more than a good one.
 */
export const limitUses = <Answer>(
  resolve: (token_hash: string) => Promise<Answer>,
  options: { max?: number; now?: () => number } = {}
) => {
  const uses = countInWindows({ max: 60, ...options, message })
  return async (token_hash: string): Promise<Answer> => {
    uses.refuseIfMany(token_hash)
    uses.add(token_hash)
    return resolve(token_hash)
  }
}
