import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import { requireRight } from './rights.ts'
import type { MemberStore, MemberWrites } from './store.ts'

type Needs = { members: Pick<MemberStore, 'transaction' | 'appsLetBy'>; announce: Announce }

/** Which member, and who wants it: the record's context, with their user id. */
export type MemberChange = { user_id: string; asker: { user_id: string }; audit: AuditContext }

/** Gives a member another role; the one they have already changes nothing. */
export const changeRole = async (needs: Needs, change: MemberChange & { role: Role }): Promise<void> => {
  const { user_id, role, audit } = change
  await settle(
    needs,
    change,
    async (store, held) => {
      if (held === role) return false
      await store.setRole(user_id, role)
      await store.record(eventOf(audit, 'member.role_changed', user_id, { from: held, to: role }))
      return true
    },
    role
  )
}

/** Takes the role; what is left is an external user of the tenant, whose sessions and grants stay. */
export const removeMember = async (needs: Needs, change: MemberChange): Promise<void> => {
  const { user_id, audit } = change
  await settle(needs, change, async (store, held) => {
    await store.remove(user_id)
    await store.record(eventOf(audit, 'member.removed', user_id, { role: held }))
    return true
  })
}

type Work = (store: MemberWrites, held: Role) => Promise<boolean>

/** Does `work` where the asker may and an owner is left, on rows that nobody else changes meanwhile. */
const settle = async (
  { members, announce }: Needs,
  { user_id, asker, audit }: MemberChange,
  work: Work,
  next?: Role
): Promise<void> => {
  const isChanged = await members.transaction(audit.tenant_id, async (store) => {
    const roles = await store.lock([user_id, asker.user_id])
    const held = roles.get(user_id)
    if (!held) throw noSuchMember()
    requireRight(roles.get(asker.user_id) ?? null, held, ...(next ? [next] : []))
    const owners = [...roles].filter(([, role]) => role === 'owner')
    if (held === 'owner' && next !== 'owner' && owners.length === 1) throw lastOwner()
    return work(store, held)
  })
  if (!isChanged) return
  await announce('user', user_id)
  // What an owner let apps do, nobody let them who is none.
  await announce('app', ...(await members.appsLetBy(audit.tenant_id, [user_id])))
}

export const noSuchMember = () => new ReportedError('not_found', 'There is no such member.')

const lastOwner = () =>
  new ReportedError('conflict', 'The last owner stays one. Make somebody else an owner first.', {
    details: [{ path: 'role', message: 'is held by the last owner' }]
  })

const eventOf = (audit: AuditContext, action: string, id: string, details: Readonly<Record<string, string>>) => ({
  ...audit,
  action,
  subject: { kind: 'user', id },
  details
})
