import { findUser, identityChanges } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call, createLiveCache, readFeed } from '@onbehalf/rpc'
import type { Static } from '@sinclair/typebox'

/** A user of a tenant as identity-broker knows them, with their role there. */
export type FoundUser = Static<typeof findUser.reply>
export type UserKey = Static<typeof findUser.request>

export type Users = {
  /** As held, at most 30 s old and emptied by identity-broker's feed. Throws `not_found` for somebody who is gone. */
  find: (key: UserKey) => Promise<FoundUser>
  /** Asked now. */
  ask: (key: UserKey) => Promise<FoundUser>
  close: () => void
}

const heldMax = 100_000
const waitMs = 5_000

export const openUsers = (bus: Bus): Users => {
  const ask = ({ tenant_id, user_id }: UserKey) =>
    call(bus, findUser, { tenant_id, user_id }, { deadlineAt: Date.now() + waitMs })
  const held = createLiveCache<UserKey, FoundUser>({
    max: heldMax,
    keyOf: ({ tenant_id, user_id }) => `${tenant_id} ${user_id}`,
    load: ask,
    tagsOf: ({ user }) => [`user:${user.id}`]
  })
  const reader = readFeed(bus, identityChanges, {
    onChange: ({ kind, id }) => held.dropTag(`${kind}:${id}`),
    onReset: held.dropAll
  })
  return { find: held.get, ask, close: reader.close }
}

/** The user, undefined when they are no longer there. */
export const userOrNobody = (finding: Promise<FoundUser>): Promise<FoundUser | undefined> =>
  finding.catch((error: unknown) => {
    if (error instanceof ReportedError && error.code === 'not_found') return undefined
    throw error
  })

/** The user when they are a member of the tenant, undefined when they are not, or no longer there. */
export const memberOrNobody = async (finding: Promise<FoundUser>): Promise<Member | undefined> => {
  const found = await userOrNobody(finding)
  return found?.role ? { ...found, role: found.role } : undefined
}
export type Member = FoundUser & { role: NonNullable<FoundUser['role']> }
