import type { Adapter, AdapterPayload } from 'oidc-provider'

type Kept = { model: string; id: string; payload: AdapterPayload; until: number }

/** Everything the provider stores, in memory, without the limit of 1,000 entries of the one it brings along. */
export const createStorage = () => {
  const kept = new Map<string, Kept>()
  const key = (model: string, id: string) => `${model}:${id}`

  const find = (isMeant: (entry: Kept) => boolean): AdapterPayload | undefined => {
    const now = Date.now()
    for (const entry of kept.values()) if (isMeant(entry) && entry.until > now) return entry.payload
    return undefined
  }

  const remove = (isMeant: (entry: Kept) => boolean) => {
    for (const [name, entry] of kept) if (isMeant(entry)) kept.delete(name)
  }

  const revokeGrant = (grantId: string) =>
    remove(({ model, id, payload }) => payload.grantId === grantId && !(model === 'Session' || id === grantId))

  const adapter = (model: string): Adapter => ({
    upsert: async (id, payload, expiresIn) => {
      const until = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000
      kept.set(key(model, id), { model, id, payload, until })
    },
    find: async (id) => {
      const entry = kept.get(key(model, id))
      return entry && entry.until > Date.now() ? entry.payload : undefined
    },
    findByUid: async (uid) => find((entry) => entry.model === model && entry.payload.uid === uid),
    findByUserCode: async (code) => find((entry) => entry.model === model && entry.payload.userCode === code),
    consume: async (id) => {
      const entry = kept.get(key(model, id))
      if (entry) entry.payload = { ...entry.payload, consumed: Math.floor(Date.now() / 1000) }
    },
    destroy: async (id) => {
      kept.delete(key(model, id))
    },
    revokeByGrantId: async (grantId) => revokeGrant(grantId)
  })

  /** Revokes what the user granted: no refresh token of his works afterwards. Signed-in browsers stay signed in. */
  const revokeGrantsOf = (sub: string): number => {
    const grants = [...kept.values()].filter(({ model, payload }) => model === 'Grant' && payload.accountId === sub)
    for (const { model, id } of grants) {
      revokeGrant(id)
      kept.delete(key(model, id))
    }
    return grants.length
  }

  return { adapter, revokeGrantsOf }
}
