import { findUser, type Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call } from '@onbehalf/rpc'

/** What somebody may do in their tenant, as it is now; null for who is no member, undefined for who is gone. */
export type FindRole = (who: { tenant_id: string; user_id: string }) => Promise<Role | null | undefined>

const waitMs = 5_000

export const createFindRole =
  (bus: Bus): FindRole =>
  async ({ tenant_id, user_id }) => {
    try {
      return (await call(bus, findUser, { tenant_id, user_id }, { deadlineAt: Date.now() + waitMs })).role
    } catch (error) {
      if (error instanceof ReportedError && error.code === 'not_found') return undefined
      throw error
    }
  }
