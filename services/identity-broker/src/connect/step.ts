import type { User } from '../database.ts'
import type { Connect } from './find.ts'
import type { Outcome } from './path.ts'

/** Whoever is signed in in the browser that opened a link. */
export type Person = Pick<User, 'tenant_id' | 'id' | 'email' | 'is_email_verified'>

export type Step = 'somebody_else' | 'sign_in' | 'allow' | 'done'

/** What is to be shown next. A link for one person connects nobody else, whoever opens it. */
export const stepOf = (connect: Connect, person: Person | undefined, outcome: Outcome | undefined): Step => {
  if (outcome === 'somebody_else' || (person && !isFor(connect, person))) return 'somebody_else'
  if (!person) return 'sign_in'
  const { linking, server } = connect
  if (linking && (outcome === 'signed_in' || !server)) return 'allow'
  return outcome === 'signed_in' ? 'done' : 'sign_in'
}

/** Whether it is this person that a link is for. */
export const isFor = ({ tenant, user_id, linking, return_url }: Connect, person: Person): boolean => {
  if (person.tenant_id !== tenant.id || (user_id !== undefined && user_id !== person.id)) return false
  // With a return URL the app itself looks whose session it is.
  return linking === undefined || return_url !== undefined || hasEmail(person, linking.email)
}

const hasEmail = ({ email, is_email_verified }: Person, wanted: string | undefined): boolean =>
  is_email_verified && email !== null && email.toLowerCase() === wanted?.toLowerCase()
