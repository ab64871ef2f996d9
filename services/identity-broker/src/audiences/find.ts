import { listAudiences } from '@onbehalf/contracts'
import { type Bus, call } from '@onbehalf/rpc'
import type { Audience } from '../sign-in/begin.ts'

/** The tenant's registered servers that get an identity; with an audience, also whether that one is for members alone. */
export type FindAudiences = (
  tenantId: string,
  audience?: string
) => Promise<{ audiences: Audience[]; is_for_members?: boolean }>

/** Asks mcp-provider, which has the servers, each time anew. */
export const createFindAudiences =
  (bus: Bus): FindAudiences =>
  (tenant_id, audience) =>
    call(bus, listAudiences, { tenant_id, ...(audience ? { audience } : {}) }, { deadlineAt: Date.now() + 5_000 })
