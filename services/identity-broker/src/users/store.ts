import type { Role } from '@onbehalf/contracts'
import { newId } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database, NewUser, Tenant, User } from '../database.ts'

export type UserStore = ReturnType<typeof userStore>

export const userStore = (db: Kysely<Database>) => ({
  findTenant: (idOrSlug: string): Promise<Tenant | undefined> =>
    db
      .selectFrom('tenant')
      .selectAll()
      .where((where) => where.or([where('slug', '=', idOrSlug), where(where.cast('id', 'text'), '=', idOrSlug)]))
      .executeTakeFirst(),

  countTenants: async (): Promise<number> => {
    const { count } = await db
      .selectFrom('tenant')
      .select((eb) => eb.fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  },

  /** The tenant of an installation that has just one; undefined where there are none or several. */
  onlyTenant: async (): Promise<Tenant | undefined> => {
    const [first, ...others] = await db.selectFrom('tenant').selectAll().limit(2).execute()
    return others.length === 0 ? first : undefined
  },

  find: (tenant_id: string, id: string): Promise<User | undefined> =>
    db.selectFrom('user').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  /** A user with the role they have now; null for somebody who is not a member. */
  findWithRole: (tenant_id: string, id: string) =>
    db
      .selectFrom('user')
      .innerJoin('tenant', 'tenant.id', 'user.tenant_id')
      .innerJoin('connection', 'connection.id', 'user.connection_id')
      .leftJoin('member', 'member.user_id', 'user.id')
      .select([
        'user.id',
        'user.email',
        'user.is_email_verified',
        'user.name',
        'user.subject',
        'tenant.id as tenant_id',
        'tenant.name as tenant_name',
        'tenant.slug as tenant_slug',
        'connection.issuer',
        'member.role'
      ])
      .where('user.tenant_id', '=', tenant_id)
      .where('user.id', '=', id)
      .executeTakeFirst(),

  /** Whether a member of the tenant has this e-mail, in whatever case and by whichever connection. */
  isEmailOfMember: async (tenant_id: string, email: string): Promise<boolean> => {
    const found = await db
      .selectFrom('member')
      .innerJoin('user', 'user.id', 'member.user_id')
      .select('user.id')
      .where('member.tenant_id', '=', tenant_id)
      .where(sql`lower("user".email)`, '=', email.toLowerCase())
      .limit(1)
      .executeTakeFirst()
    return found !== undefined
  },

  /** The user of (connection, subject): made at the first sign-in, brought up to date at every later one. */
  upsert: (place: { tenant_id: string; connection_id: string }, person: NewUser): Promise<User> =>
    db
      .insertInto('user')
      .values({ id: newId(), ...place, ...person })
      .onConflict((conflict) =>
        conflict.columns(['connection_id', 'subject']).doUpdateSet({
          email: (eb) => eb.fn.coalesce('excluded.email', 'user.email'),
          is_email_verified: (eb) => eb.ref('excluded.is_email_verified'),
          name: (eb) => eb.fn.coalesce('excluded.name', 'user.name')
        })
      )
      .returningAll()
      .executeTakeFirstOrThrow(),

  /** The user of (connection, subject), made if need be; who is known stays as they are, but for an e-mail that nobody said yet. */
  ensure: async (place: { tenant_id: string; connection_id: string }, person: Pick<NewUser, 'subject' | 'email'>) => {
    const id = newId()
    const user = await db
      .insertInto('user')
      .values({ id, ...place, ...person, is_email_verified: false, name: null })
      .onConflict((conflict) =>
        conflict.columns(['connection_id', 'subject']).doUpdateSet({
          email: (eb) => eb.fn.coalesce('user.email', 'excluded.email')
        })
      )
      .returning(['id', 'tenant_id'])
      .executeTakeFirstOrThrow()
    return { ...user, isNew: user.id === id }
  },

  setRole: (tenant_id: string, user_id: string, role: Role) =>
    db
      .insertInto('member')
      .values({ tenant_id, user_id, role })
      .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ role }))
      .execute()
})
