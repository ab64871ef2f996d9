import type { Visitor } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import type { Budgets } from './budgets.ts'
import type { Guesses } from './guesses.ts'

export type LookupTools = {
  budgets: Pick<Budgets, 'lookup' | 'ownLookup'>
  guesses: Pick<Guesses, 'refuseIfMany'>
}

/** Before a code is looked up: counted by the address, and by who is signed in, or else among all strangers. */
export const spendLookup = async (
  request: FastifyRequest,
  visitor: Pick<Visitor, 'principal'> | undefined,
  { budgets, guesses }: LookupTools
): Promise<void> => {
  await budgets.lookup(request)
  if (visitor?.principal.kind === 'user') await budgets.ownLookup(visitor.principal)
  else await guesses.refuseIfMany()
}
