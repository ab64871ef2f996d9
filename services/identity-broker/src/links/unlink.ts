import type { AuditContext } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Link } from '../database.ts'
import { linkEvent } from './activate.ts'
import type { LinkCodes } from './codes.ts'
import type { LinkStore } from './store.ts'

type Needs = {
  links: Pick<LinkStore, 'remove'>
  linkCodes: Pick<LinkCodes, 'end'>
  announce: Announce
}

/** Ends a link, and the codes that would make it anew. */
export const unlink = async ({ links, linkCodes, announce }: Needs, by: AuditContext, link: Link): Promise<void> => {
  // Without Redis no code holds, and a link ends all the same.
  await linkCodes.end(link, link).catch(() => {})
  if (await links.remove(link.tenant_id, link.id, linkEvent(by, 'removed', link))) await announce('user', link.user_id)
}
