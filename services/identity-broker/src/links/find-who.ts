import type { User } from '../database.ts'
import type { UserStore } from '../users/store.ts'
import type { LinkStore } from './store.ts'

/** Whom a caller means: the user that its app's own id is linked to, else the one that has this id here. */
export type FindWho = (tenant_id: string, app_id: string | undefined, given: string) => Promise<User | undefined>

type Needs = { links: Pick<LinkStore, 'userOf'>; users: Pick<UserStore, 'find'> }

export const createFindWho =
  ({ links, users }: Needs): FindWho =>
  async (tenant_id, app_id, given) => {
    const linked = app_id && (await links.userOf({ tenant_id, app_id }, given))
    if (linked) return linked
    return isUuid(given) ? users.find(tenant_id, given) : undefined
  }

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
