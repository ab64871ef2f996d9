import type { Role } from '@onbehalf/contracts'
import type { AuditEvent } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Connection, NewUser, User } from '../database.ts'
import { domainOf } from '../domains/name.ts'
import { requireInvited } from '../invitations/require-invited.ts'
import { changedMeanwhile } from '../sign-in/failed.ts'
import type { AdmissionStore, AdmissionWrites } from './admission-store.ts'

/** Makes the user of a sign-in, or brings them up to date, and a member where an invitation or their domain says so. */
export type Admit = (connection: Place, person: NewUser, invitationId: string | undefined) => Promise<User>
type Place = Pick<Connection, 'id' | 'tenant_id' | 'revision'>

type Needs = { admissions: AdmissionStore; announce: Announce; now?: () => Date }

/**
 * One transaction: who comes with an invitation that does not hold leaves nothing behind, and of two who come with one
 * at once the second finds it used.
 */
export const createAdmission =
  ({ admissions, announce, now = () => new Date() }: Needs): Admit =>
  async (connection, person, invitationId) => {
    const { tenant_id, id: connection_id } = connection
    const user = await admissions.transaction(tenant_id, async (store) => {
      // Who the IdP of before says somebody is could be anybody at the one that is asked from now on.
      if (!(await store.holdConnection(connection))) throw changedMeanwhile()
      const invitation = invitationId
        ? requireInvited(await store.lockInvitation(invitationId), person, now())
        : undefined
      const { user, isFirst } = await store.signIn({ tenant_id, connection_id }, person)
      const joining = invitation
        ? { by: 'invitation', role: invitation.role }
        : isFirst && (await isOfOurDomain(store, person))
          ? { by: 'domain', role: 'member' as const }
          : undefined
      if (joining) await join(store, user, joining)
      if (invitation) await accept(store, user, invitation)
      return user
    })
    // What others hold of them is from before, if only the time of their last sign-in.
    await announce('user', user.id)
    return user
  }

const isOfOurDomain = async (store: AdmissionWrites, { email, is_email_verified }: NewUser): Promise<boolean> => {
  const domain = email ? domainOf(email) : undefined
  return is_email_verified && domain !== undefined && (await store.isOurDomain(domain))
}

const ranks: Readonly<Record<Role, number>> = { member: 0, admin: 1, owner: 2 }

/** Gives a role; one that is held is never lowered. */
const join = async (store: AdmissionWrites, user: User, { by, role }: { by: string; role: Role }): Promise<void> => {
  const held = await store.lockRole(user.id)
  if (held && ranks[held] >= ranks[role]) return
  await store.putRole(user.id, role)
  await store.record(eventOf(user, 'member.joined', { kind: 'user', id: user.id }, { by, role }))
}

const accept = async (store: AdmissionWrites, user: User, { id, role }: { id: string; role: Role }): Promise<void> => {
  await store.markAccepted(id, user.id)
  await store.record(eventOf(user, 'invitation.accepted', { kind: 'invitation', id }, { role }))
}

const eventOf = (
  { tenant_id, id }: User,
  action: string,
  subject: AuditEvent['subject'],
  details: Readonly<Record<string, string>>
): AuditEvent => ({ tenant_id, action, actor: { kind: 'user', id }, subject, details })
