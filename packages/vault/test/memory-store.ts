import type { DataKeyStore, WrappedDataKey } from '../src/index.ts'

/** A `data_key` table in memory, with the primary key and the compare-and-set that a service's own has. */
export const memoryStore = (): DataKeyStore & { rows: WrappedDataKey[]; reads: number } => {
  const same = (left: WrappedDataKey, right: WrappedDataKey): boolean =>
    left.tenant_id === right.tenant_id && left.id === right.id
  const store = {
    rows: [] as WrappedDataKey[],
    reads: 0,
    find: async (tenantId: string) => {
      store.reads += 1
      return store.rows.filter((row) => row.tenant_id === tenantId)
    },
    insert: async (key: WrappedDataKey) => {
      const winner = store.rows.find((row) => same(row, key))
      if (winner === undefined) store.rows.push(key)
      return winner ?? key
    },
    findOneOfEach: async () => [...new Map(store.rows.map((row) => [row.master_key_id, row])).values()],
    findWrappedByOthers: async (masterKeyId: string, limit: number) =>
      store.rows.filter((row) => row.master_key_id !== masterKeyId).slice(0, limit),
    replace: async (previous: WrappedDataKey, next: WrappedDataKey) => {
      const index = store.rows.findIndex((row) => same(row, previous) && row.master_key_id === previous.master_key_id)
      if (index >= 0) store.rows[index] = next
      return index >= 0
    }
  }
  return store
}
