/** Loaded values by tenant: at most `size`, the least recently used leaves first, one load at a time for each. */
export type TenantCache<Value> = {
  get(tenantId: string): Value | undefined
  load(tenantId: string): Promise<Value>
  forget(tenantId: string): void
}

export const createTenantCache = <Value>(
  size: number,
  fetch: (tenantId: string) => Promise<Value>
): TenantCache<Value> => {
  const values = new Map<string, Value>()
  const loading = new Map<string, Promise<Value>>()

  const keep = (tenantId: string, value: Value): void => {
    values.delete(tenantId)
    values.set(tenantId, value)
    const [oldest] = values.keys()
    if (values.size > size && oldest !== undefined) values.delete(oldest)
  }

  // A load that was overtaken by `forget` answers its own waiters and leaves nothing behind.
  const start = (tenantId: string): Promise<Value> => {
    const isCurrent = (): boolean => loading.get(tenantId) === load
    const load = fetch(tenantId)
      .then((value) => {
        if (isCurrent()) keep(tenantId, value)
        return value
      })
      .finally(() => {
        if (isCurrent()) loading.delete(tenantId)
      })
    loading.set(tenantId, load)
    return load
  }

  return {
    get: (tenantId) => {
      const value = values.get(tenantId)
      if (value !== undefined) keep(tenantId, value)
      return value
    },
    load: (tenantId) => loading.get(tenantId) ?? start(tenantId),
    forget: (tenantId) => {
      values.delete(tenantId)
      loading.delete(tenantId)
    }
  }
}
