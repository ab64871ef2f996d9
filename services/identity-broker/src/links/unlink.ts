import type { AuditContext } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Link } from '../database.ts'
import { linkEvent } from './activate.ts'
import type { LinkStore } from './store.ts'

type Needs = { links: Pick<LinkStore, 'remove'>; announce: Announce }

/** Ends a link, and every code of its user that still waits for an app: none makes it anew. */
export const unlink = async ({ links, announce }: Needs, by: AuditContext, link: Link): Promise<void> => {
  if (await links.remove(link, linkEvent(by, 'removed', link))) await announce('user', link.user_id)
}
