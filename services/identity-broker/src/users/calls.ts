import { findUser } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve } from '@onbehalf/rpc'
import type { Report } from '../report.ts'
import type { UserStore } from './store.ts'

export const serveUsers = (bus: Bus, users: Pick<UserStore, 'findWithRole' | 'isEmailOfMember'>, report: Report) => [
  serve(
    bus,
    findUser,
    async ({ tenant_id, user_id }) => {
      const found = await users.findWithRole(tenant_id, user_id)
      if (!found) throw new ReportedError('not_found', 'There is no such user.')
      const { id, email, name, role, tenant_name, issuer } = found
      const email_belongs_to_member = role === null && email !== null && (await users.isEmailOfMember(tenant_id, email))
      const tenant = { id: tenant_id, name: tenant_name }
      return { user: { id, email, name }, role, tenant, issuer, email_belongs_to_member }
    },
    report
  )
]
