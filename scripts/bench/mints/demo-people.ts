import { openPostgres, openVault } from '@onbehalf/service-kit'
import { createBrowser, signIn } from '@onbehalf/testkit'
import type { Config } from '../../../services/identity-broker/src/config.ts'
import type { Database } from '../../../services/identity-broker/src/database.ts'
import { refreshTokenPlace } from '../../../services/identity-broker/src/grants/place.ts'

/** Signs as many people in by the demo's IdP; answers with the ids of all but one, and with that one's refresh token. */
export const signInPeople = async (
  config: Pick<Config, 'PUBLIC_URL' | 'DATABASE_URL' | 'MASTER_KEYS'>,
  total: number
) => {
  for (let index = 0; index < total; index += 1) {
    const { status } = await signIn(createBrowser(), `${config.PUBLIC_URL}/auth/sign-in?return_to=/auth/me`, {
      login: `person-${index}`
    })
    if (status !== 200) throw new Error(`person-${index} could not sign in: ${status}`)
  }
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  try {
    const vault = await openVault(db, config.MASTER_KEYS)
    const [spare, ...grants] = await db.selectFrom('grant').selectAll().orderBy('id').execute()
    if (!spare?.refresh_token) throw new Error('a sign-in left no grant')
    const refreshToken = await vault.open(spare.refresh_token, refreshTokenPlace(spare))
    return { people: grants.map(({ user_id }) => user_id), refreshToken }
  } finally {
    await close()
  }
}
