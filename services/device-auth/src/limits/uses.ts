import { ReportedError } from '@onbehalf/errors'
import { countInWindows } from '@onbehalf/service-kit'
import type { Budgets } from './budgets.ts'

const message = 'This token was used too often here. Wait a little.'

/**
 * Counts how often a token is shown to our own routes, 60 times a minute at most on all replicas together, before anybody
 * looks up whose it is: one that is unknown or was revoked costs no more than a good one. While nobody can count for all,
 * each replica counts for itself, so that people can end their tokens then, too.
 */
export const limitUses = <Answer>(
  resolve: (token_hash: string) => Promise<Answer>,
  { bearer }: Pick<Budgets, 'bearer'>
) => {
  const own = countInWindows({ max: 60, message })
  const countHere = (token_hash: string) => {
    own.refuseIfMany(token_hash)
    own.add(token_hash)
  }
  return async (token_hash: string): Promise<Answer> => {
    await bearer(token_hash).catch((error: unknown) => {
      if (!(error instanceof ReportedError) || error.code !== 'unavailable') throw error
      countHere(token_hash)
    })
    return resolve(token_hash)
  }
}
