import type { RefreshStore } from '@onbehalf/lease'
import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Database } from '../../database.ts'
import { refreshTokenPlace } from '../place.ts'
import type { GrantStore } from '../store.ts'
import { leaseStore } from './lease-store.ts'
import type { Brought, Material, Want } from './minted-token.ts'
import { tokenStore } from './token-store.ts'

type Needs = {
  db: Kysely<Database>
  vault: Vault
  grants: Pick<GrantStore, 'kill'>
  revoke: (material: Material, refreshToken: string) => Promise<void>
  onDead: (grantId: string) => Promise<void>
}

/** The rows of a grant and of what it brought, as the refresher asks for them. */
export const refreshStore = ({ db, vault, grants, revoke, onDead }: Needs): RefreshStore<Material, Want, Brought> => {
  const leases = leaseStore(db)
  const tokens = tokenStore(db, vault)
  return {
    findToken: async (id, want) => {
      const token = await tokens.find(id, want)
      if (token) return { token }
      const refusal = await tokens.findRefusal(id, want)
      return refusal && { refusal }
    },

    read: leases.read,

    take: async (claim, leaseMs) => {
      const grant = await leases.take(claim, leaseMs)
      if (!grant?.refresh_token) return undefined
      const refreshToken = await vault.open(grant.refresh_token, refreshTokenPlace(grant))
      return { ...claim, epoch: grant.epoch, material: { grant, refreshToken } }
    },

    finish: ({ id, epoch, generation, material: presented }, want, { material, token: brought }) =>
      db.transaction().execute(async (transaction) => {
        const next = { ...presented.grant, generation: generation + 1 }
        const refreshToken = material?.refreshToken ?? presented.refreshToken
        const sealed = await vault.seal(refreshToken, refreshTokenPlace(next))
        const epochNow = await leaseStore(transaction).advance(id, generation, sealed)
        if (epochNow === undefined) return 'lost'
        // Emptied while it was fetched: the refresh token counts, the token is fetched again.
        if (epochNow !== epoch) return 'emptied'
        const kept = tokenStore(transaction, vault)
        if (brought.token) await kept.keep(next, want, brought.token)
        else await kept.keepRefusal(next, want, brought.refusal)
        return 'kept'
      }),

    discard: async ({ id, material: presented }, { material }) => {
      // A new sign-in may share the IdP's own grant with what was fetched: revoking would end that one too.
      if (material && !(await leases.isAlive(id))) await revoke(presented, material.refreshToken)
    },

    release: leases.release,

    kill: async ({ id, generation, attempt }, reason) => {
      const tenant_id = await leases.tenantOf(id)
      const isKilled = tenant_id !== undefined && (await grants.kill(tenant_id, id, reason, { generation, attempt }))
      if (isKilled) await onDead(id)
      return isKilled
    }
  }
}
