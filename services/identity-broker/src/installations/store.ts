import { newId } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database, Installation, Writing } from '../database.ts'

export type InstallationStore = ReturnType<typeof installationStore>

/** A tenant an installation speaks for, with what the installation itself calls it. */
export type Spoken = { tenant_id: string; external_id: string | null }

/** One live secret, and whose it is. */
export type FoundInstallation = { id: string; name: string; secret_id: string; last_used_at: Date | null }

const isLive = sql<boolean>`(installation_secret.expires_at is null or installation_secret.expires_at > now())`

/** Platforms that ask for tokens at the inner listener: each with its secrets and the tenants it speaks for. */
export const installationStore = (db: Kysely<Database>) => ({
  /** Looked up by its SHA-256, so that what the time of a comparison tells is of no use. */
  findBySecret: (secret_hash: string): Promise<FoundInstallation | undefined> =>
    db
      .selectFrom('installation_secret')
      .innerJoin('installation', 'installation.id', 'installation_secret.installation_id')
      .select(['installation.id', 'name', 'installation_secret.id as secret_id', 'last_used_at'])
      .where('secret_hash', '=', secret_hash)
      .where(isLive)
      .executeTakeFirst(),

  touch: async (secret_id: string): Promise<void> => {
    await db.updateTable('installation_secret').set({ last_used_at: sql`now()` }).where('id', '=', secret_id).execute()
  },

  /** Our id of a tenant by ours or by the installation's own id of it; undefined where it does not speak for it. */
  tenantOf: async (installation_id: string, given: string): Promise<string | undefined> => {
    const row = await db
      .selectFrom('installation_tenant')
      .select('tenant_id')
      .where('installation_id', '=', installation_id)
      .where((where) =>
        where.or([where('external_id', '=', given), where(where.cast('tenant_id', 'text'), '=', given)])
      )
      .executeTakeFirst()
    return row?.tenant_id
  },

  /** Undefined where it does not speak for the tenant. */
  find: (tenant_id: string, id: string): Promise<Installation | undefined> =>
    db
      .selectFrom('installation')
      .innerJoin('installation_tenant', 'installation_tenant.installation_id', 'installation.id')
      .selectAll('installation')
      .where('tenant_id', '=', tenant_id)
      .where('installation.id', '=', id)
      .executeTakeFirst(),

  list: () =>
    db
      .selectFrom('installation')
      .select((from) => [
        'id',
        'name',
        'created_at',
        sql<string[]>`array(
          select slug || coalesce('=' || external_id, '') from installation_tenant join tenant on tenant.id = tenant_id
          where installation_id = installation.id order by slug)`.as('tenants'),
        from
          .selectFrom('installation_secret')
          .select((secret) => secret.fn.countAll<string>().as('count'))
          .whereRef('installation_id', '=', 'installation.id')
          .where(isLive)
          .as('secrets'),
        from
          .selectFrom('installation_secret')
          .select((secret) => secret.fn.max('last_used_at').as('last'))
          .whereRef('installation_id', '=', 'installation.id')
          .as('last_used_at')
      ])
      .orderBy('name')
      .execute(),

  findByName: (name: string): Promise<Installation | undefined> =>
    db.selectFrom('installation').selectAll().where('name', '=', name).executeTakeFirst()
})

/** What changes an installation, inside of a transaction. */
export const installationWrites = (transaction: Writing) => ({
  /** The installation of that name, made where there is none; held until the transaction ends. */
  upsert: async (name: string): Promise<Installation & { isNew: boolean }> => {
    const made = await transaction
      .insertInto('installation')
      .values({ id: newId(), name })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (made) return { ...made, isNew: true }
    const held = await transaction
      .selectFrom('installation')
      .selectAll()
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirstOrThrow()
    return { ...held, isNew: false }
  },

  /** Puts these tenants in the place of those it spoke for; answers with all that are concerned when any changed. */
  setTenants: async (installation_id: string, spoken: readonly Spoken[]): Promise<string[]> => {
    const before = await transaction
      .deleteFrom('installation_tenant')
      .where('installation_id', '=', installation_id)
      .returning(['tenant_id', 'external_id'])
      .execute()
    const rows = spoken.map((one) => ({ installation_id, ...one }))
    if (rows.length > 0) await transaction.insertInto('installation_tenant').values(rows).execute()
    const text = (some: readonly Spoken[]) => JSON.stringify(some.map((one) => [one.tenant_id, one.external_id]).sort())
    if (text(before) === text(spoken)) return []
    return [...new Set([...before, ...spoken].map(({ tenant_id }) => tenant_id))]
  },

  tenantsOf: async (installation_id: string): Promise<string[]> => {
    const rows = await transaction
      .selectFrom('installation_tenant')
      .select('tenant_id')
      .where('installation_id', '=', installation_id)
      .execute()
    return rows.map(({ tenant_id }) => tenant_id)
  },

  /** Whether that secret is live already, for this installation. */
  hasSecret: async (installation_id: string, secret_hash: string): Promise<boolean> => {
    const row = await transaction
      .selectFrom('installation_secret')
      .select('id')
      .where('installation_id', '=', installation_id)
      .where('secret_hash', '=', secret_hash)
      .where(isLive)
      .executeTakeFirst()
    return row !== undefined
  },

  /** Adds a secret; the newest one before it goes on for a while, and any older ones are gone. */
  addSecret: async (installation_id: string, secret_hash: string, overlapHours: number): Promise<void> => {
    await sql`
      with kept as (
        select id from installation_secret where installation_id = ${installation_id} and secret_hash <> ${secret_hash}
        order by created_at desc, id desc limit 1
      )
      delete from installation_secret
      where installation_id = ${installation_id} and id not in (select id from kept)`.execute(transaction)
    await transaction
      .updateTable('installation_secret')
      .set({ expires_at: sql`least(expires_at, now() + ${`${overlapHours} hours`}::interval)` })
      .where('installation_id', '=', installation_id)
      .execute()
    await transaction
      .insertInto('installation_secret')
      .values({ id: newId(), installation_id, secret_hash, expires_at: null, last_used_at: null })
      .execute()
  },

  delete: async (id: string): Promise<void> => {
    await transaction.deleteFrom('installation').where('id', '=', id).execute()
  }
})
