import type { Role } from '@onbehalf/contracts'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Link } from '../database.ts'
import { mayLetActFor, refuseActFor } from '../members/rights.ts'
import { linkEvent } from './activate.ts'
import type { LinkStore, LinkWrites } from './store.ts'

type Needs = { links: Pick<LinkStore, 'transaction'>; announce: Announce }
export type LinkAsker = { role: Role | null; audit: AuditContext }
export type ImportedLink = { external_id: string; user_id: string }
type Done = Pick<Link, 'id' | 'external_id' | 'user_id'> & { outcome: 'created' | 'unchanged' }

/** Links many users at once, all or none: where any entry cannot be, each that cannot is named. */
export const importLinks = async (
  { links, announce }: Needs,
  asker: LinkAsker,
  app_id: string,
  entries: readonly ImportedLink[]
): Promise<Done[]> => {
  const { audit: by } = asker
  const { tenant_id } = by
  const done = await links.transaction(async (store) => {
    const held = new Map(
      (
        await store.lock(
          app_id,
          entries.map(({ external_id }) => external_id)
        )
      ).map((link) => [link.external_id, link])
    )
    await checkEntries(store, asker, entries, held)
    const fresh = entries.filter(({ external_id }) => !held.has(external_id))
    const allowed_by = by.actor.kind === 'user' ? by.actor.id : null
    const rows = fresh.map((entry) => ({ tenant_id, app_id, allowed_by, allowed_by_role: asker.role, ...entry }))
    const made = rows.length > 0 ? await store.insert(rows) : []
    if (made.length < fresh.length) throw linkedMeanwhile()
    await store.record(made.map((link) => linkEvent(by, 'imported', link)))
    return [
      ...made.map((link) => ({ ...link, outcome: 'created' as const })),
      ...[...held.values()].map((link) => ({ ...link, outcome: 'unchanged' as const }))
    ]
  })
  const places = new Map(entries.map(({ external_id }, place) => [external_id, place]))
  const created = done.filter(({ outcome }) => outcome === 'created')
  await announce('user', ...new Set(created.map(({ user_id }) => user_id)))
  return done.sort((one, other) => (places.get(one.external_id) ?? 0) - (places.get(other.external_id) ?? 0))
}

const linkedMeanwhile = () =>
  new ReportedError('conflict', 'Nothing was imported: somebody linked one of them meanwhile. Try again.')

const checkEntries = async (
  store: Pick<LinkWrites, 'rolesAmong'>,
  asker: LinkAsker,
  entries: readonly ImportedLink[],
  held: ReadonlyMap<string, Link>
): Promise<void> => {
  const roles = await store.rolesAmong(
    asker.audit.tenant_id,
    entries.map(({ user_id }) => user_id)
  )
  refuseActFor(
    entries.flatMap(({ user_id }, index) =>
      mayLetActFor(asker, user_id, roles.get(user_id) ?? null) ? [] : [`links.${index}.user_id`]
    )
  )
  const seen = new Set<string>()
  const faults = entries.flatMap(({ external_id, user_id }, index): ErrorDetail[] => {
    const isTwice = seen.has(external_id)
    seen.add(external_id)
    const other = held.get(external_id)
    if (isTwice) return [{ path: `links.${index}.external_id`, message: 'is there twice' }]
    if (!roles.has(user_id)) return [{ path: `links.${index}.user_id`, message: 'is not a user of your tenant' }]
    if (other && other.user_id !== user_id)
      return [{ path: `links.${index}.external_id`, message: 'is linked to another user: remove that link first' }]
    return []
  })
  if (faults.length === 0) return
  throw new ReportedError(
    'conflict',
    `Nothing was imported: ${faults.length} of ${entries.length} links cannot be made.`,
    {
      details: faults
    }
  )
}
