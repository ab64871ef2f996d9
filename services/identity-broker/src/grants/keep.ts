import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Announce } from '../announce.ts'
import type { Connection, User } from '../database.ts'
import { changedMeanwhile } from '../sign-in/failed.ts'
import { refreshTokenPlace } from './place.ts'
import type { GrantStore } from './store.ts'

type Brought = {
  resources: string[]
  refreshToken: string | undefined
  tokenEndpoint: string
  /** Whether the granted scope has offline_access, and in which session at the IdP it was granted. */
  is_offline: boolean
  idp_session: string | null
}

export type StoreGrant = (connection: Connection, user: User, brought: Brought) => Promise<void>

/**
 * Keeps the refresh token that a sign-in brought, encrypted, in place of those it makes superfluous: the grants of the
 * same user and connection for the same resources or fewer. One that brought none leaves what is stored.
 */
export const createGrantKeeper =
  (grants: Pick<GrantStore, 'transaction'>, vault: Vault, announce: Announce): StoreGrant =>
  async (connection, user, { resources, refreshToken, tokenEndpoint, ...session }) => {
    if (!refreshToken) return
    const key = { tenant_id: user.tenant_id, user_id: user.id, connection_id: connection.id, resources }
    const replaced = await grants.transaction(async (store) => {
      // An edit that comes now waits, and ends the grant that is stored here; one that came before is seen.
      if (!(await store.holdConnection(connection))) throw changedMeanwhile()
      const held = await store.lockFor(key)
      const same = held.find((grant) => isSameSet(grant.resources, resources))
      const id = same?.id ?? newId()
      const generation = (same?.generation ?? 0) + 1
      const sealed = await vault.seal(refreshToken, refreshTokenPlace({ ...key, id, generation }))
      const { issuer, client_id } = connection
      const bound = { issuer, client_id, token_endpoint: tokenEndpoint }
      await store.put({ id, ...key, ...bound, ...session, refresh_token: sealed, generation })
      const superfluous = held.filter((grant) => grant.id !== id && isWithin(grant.resources, resources))
      await store.delete(superfluous.map((grant) => grant.id))
      return [...superfluous.map((grant) => grant.id), ...(same ? [id] : [])]
    })
    await Promise.all(replaced.map((id) => announce('grant', id)))
  }

const isWithin = (some: string[], all: string[]) => some.every((one) => all.includes(one))
const isSameSet = (one: string[], other: string[]) => isWithin(one, other) && isWithin(other, one)
