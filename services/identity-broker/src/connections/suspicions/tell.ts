import type { Suspicion } from '../../database.ts'
import { suspectable } from '../vocabulary.ts'

/** What administrators are told of a suspicion: it is theirs to decide, and they read first what they would give up. */
export const toldOf = ({ quirk, since, last_seen_at }: Suspicion) => {
  const { seen, givesUp } = suspectable[quirk]
  const [from, until] = [since.toISOString(), last_seen_at.toISOString()]
  const what = `${seen} If your identity provider is known to do this, add ${quirk} to quirks.`
  const message = `Suspected since ${from}. ${what} What you give up with it: ${givesUp}`
  return { quirk, since: from, last_seen_at: until, message }
}
