import type { Connect } from './find.ts'
import type { Outcome } from './path.ts'

/** Whoever is signed in in the browser that opened a link. */
export type Person = { tenant_id: string; id: string }

export type Step = 'somebody_else' | 'sign_in' | 'done'

/** What is to be shown next. A link for one person connects nobody else, whoever opens it. */
export const stepOf = (connect: Connect, person: Person | undefined, outcome: Outcome | undefined): Step => {
  if (outcome === 'somebody_else' || (person && !isFor(connect, person))) return 'somebody_else'
  return person && outcome === 'signed_in' ? 'done' : 'sign_in'
}

const isFor = ({ tenant, user_id }: Connect, person: Person): boolean =>
  person.tenant_id === tenant.id && (user_id === undefined || user_id === person.id)
