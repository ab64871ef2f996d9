import type { Role } from '@onbehalf/contracts'
import type { AuditContext, AuditEvent } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Connection, NewUser, User } from '../database.ts'
import { domainOf } from '../domains/name.ts'
import { requireInvited } from '../invitations/require-invited.ts'
import { changedMeanwhile } from '../sign-in/failed.ts'
import type { AdmissionStore, AdmissionWrites } from './admission-store.ts'

/** Makes the user of a sign-in, or brings them up to date, and a member where an invitation or their domain says so. */
export type Admit = (connection: Place, person: NewUser, came: Came) => Promise<User>
type Place = Pick<Connection, 'id' | 'tenant_id' | 'revision'>
/** With which invitation, and by which request. */
type Came = { invitation_id: string | undefined; by: Pick<AuditContext, 'request_id' | 'ip'> }

type Needs = { admissions: AdmissionStore; announce: Announce; now?: () => Date }

/**
 * One transaction: who comes with an invitation that does not hold leaves nothing behind, and of two who come with one
 * at once the second finds it used.
 */
export const createAdmission =
  ({ admissions, announce, now = () => new Date() }: Needs): Admit =>
  async (connection, person, { invitation_id, by }) => {
    const { tenant_id, id: connection_id } = connection
    const user = await admissions.transaction(tenant_id, async (store) => {
      // Who the IdP of before says somebody is could be anybody at the one that is asked from now on.
      if (!(await store.holdConnection(connection))) throw changedMeanwhile()
      const invitation = invitation_id
        ? requireInvited(await store.lockInvitation(invitation_id), person, now())
        : undefined
      const { user, isFirst } = await store.signIn({ tenant_id, connection_id }, person)
      const joining = invitation
        ? { by: 'invitation', role: invitation.role }
        : isFirst && (await isOfOurDomain(store, person))
          ? { by: 'domain', role: 'member' as const }
          : undefined
      if (joining) await join(store, { ...by, user }, joining)
      if (invitation) await accept(store, { ...by, user }, invitation)
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

type Who = Came['by'] & { user: User }

const ranks: Readonly<Record<Role, number>> = { member: 0, admin: 1, owner: 2 }

/** Gives a role; one that is held is never lowered. */
const join = async (store: AdmissionWrites, who: Who, { by, role }: { by: string; role: Role }): Promise<void> => {
  const { user } = who
  const held = await store.lockRole(user.id)
  if (held && ranks[held] >= ranks[role]) return
  await store.putRole(user.id, role)
  await store.record(eventOf(who, 'member.joined', { kind: 'user', id: user.id }, { by, role }))
}

const accept = async (store: AdmissionWrites, who: Who, { id, role }: { id: string; role: Role }): Promise<void> => {
  await store.markAccepted(id, who.user.id)
  await store.record(eventOf(who, 'invitation.accepted', { kind: 'invitation', id }, { role }))
}

const eventOf = (
  { user: { tenant_id, id }, ...by }: Who,
  action: string,
  subject: AuditEvent['subject'],
  details: Readonly<Record<string, string>>
): AuditEvent => ({ ...by, tenant_id, action, actor: { kind: 'user', id }, subject, details })
