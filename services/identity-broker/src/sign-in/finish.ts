import type { Connection, NewUser, User } from '../database.ts'
import type { AssertExternal } from '../device-sso/assert.ts'
import type { Admit } from '../members/admit.ts'
import type { SignInFacts, StartSession } from '../sessions/start.ts'
import type { UserStore } from '../users/store.ts'
import type { SignInState } from './state.ts'

export type FinishNeeds = {
  users: Pick<UserStore, 'find'>
  admit: Admit
  startSession: StartSession
  assertExternal: AssertExternal
}

/** Who signed in, by which connection, in what was begun; `keep` stores what else the sign-in brought for them. */
type Arrived = Omit<SignInFacts, 'connection_id'> & {
  remembered: SignInState
  connection: Connection
  person: NewUser
  keep: (user: User) => Promise<void>
}

/**
 * Makes the user, keeps what came along, and only then issues a session. Where somebody else was expected nothing is
 * stored or issued; nor where somebody is only to be identified for a device.
 */
export const finishSignIn = async (
  { users, admit, startSession, assertExternal }: FinishNeeds,
  { remembered, connection, person, keep, ...facts }: Arrived
) => {
  const { expected: them, invitation_id, return_to, device_sso } = remembered
  if (device_sso)
    return { issued: undefined, return_to: await assertExternal(device_sso, connection, person, facts.auth_time) }
  if (them && !(await isThem(users, them.user_id, connection, person)))
    return { issued: undefined, return_to: them.otherwise_to }
  const { request_id, ip } = facts.browser
  const user = await admit(connection, person, { invitation_id, by: { request_id, ip } })
  await keep(user)
  return { issued: await startSession(user, { connection_id: connection.id, ...facts }), return_to }
}

const isThem = async (
  users: Pick<UserStore, 'find'>,
  user_id: string,
  { tenant_id, id }: Connection,
  { subject }: NewUser
): Promise<boolean> => {
  const user = await users.find(tenant_id, user_id)
  return user?.connection_id === id && user.subject === subject
}
