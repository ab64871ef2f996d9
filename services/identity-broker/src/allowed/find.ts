import type { GrantStore } from '../grants/store.ts'
import type { IssuanceStore } from '../issuances/store.ts'
import type { LinkStore } from '../links/store.ts'
import type { AllowedStore } from './store.ts'

/** What one page shows of each; the rest is at /v1/grants, /v1/links and /v1/issuances. */
const shownMax = 100
const usesMax = 20

type Needs = {
  grants: Pick<GrantStore, 'page'>
  links: Pick<LinkStore, 'page'>
  issuances: Pick<IssuanceStore, 'page'>
  allowed: AllowedStore
}
type Whose = { tenant_id: string; user_id: string }
export type Allowed = Awaited<ReturnType<typeof findAllowed>>

/** All that lets somebody act as a user, and what was done with it lately. */
export const findAllowed = async ({ grants, links, issuances, allowed }: Needs, { tenant_id, user_id }: Whose) => {
  const [stored, linked, deputies, uses] = await Promise.all([
    // What has ended lets nobody act.
    grants.page(tenant_id, { user_id, limit: shownMax, isLive: true }),
    links.page(tenant_id, { user_id, limit: shownMax }),
    allowed.deputiesOf({ tenant_id, user_id, limit: shownMax }),
    issuances.page(tenant_id, { user_id, limit: usesMax })
  ])
  const isCut = [stored, linked, deputies].some(({ length }) => length === shownMax)
  return { grants: stored, links: linked, deputies, uses, isCut }
}
