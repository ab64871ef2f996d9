import { findUser, type Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call } from '@onbehalf/rpc'

/** What somebody is in their tenant, as it is now. */
export type Standing = { is: 'member'; role: Role } | { is: 'external' } | { is: 'gone' }

/** `deadlineAt`: when whoever asked has to have their answer. Throws where identity-broker cannot be asked. */
export type FindStanding = (who: { tenant_id: string; user_id: string }, deadlineAt?: number) => Promise<Standing>

const waitMs = 5_000

export const createFindStanding =
  (bus: Bus): FindStanding =>
  async ({ tenant_id, user_id }, deadlineAt = Number.POSITIVE_INFINITY) => {
    const limits = { deadlineAt: Math.min(deadlineAt, Date.now() + waitMs) }
    try {
      const { role } = await call(bus, findUser, { tenant_id, user_id }, limits)
      return role === null ? { is: 'external' } : { is: 'member', role }
    } catch (error) {
      if (error instanceof ReportedError && error.code === 'not_found') return { is: 'gone' }
      throw error
    }
  }
