import type { View } from '@onbehalf/service-kit'
import { nameOf } from '../users/name.ts'
import type { Visitor } from '../users/visitor.ts'
import type { Connect } from './find.ts'
import type { Opened } from './path.ts'
import { isFor, type Step } from './step.ts'
import { allowView, doneView, nothingLeftView, type Shown, signInView, somebodyElseView } from './view.ts'

type Showing = {
  connect: Connect
  opened: Opened
  visitor: Visitor | undefined
  /** What the visitor's form repeats; empty where nobody is signed in. */
  csrf: string
}

/** The page of each step; `nothing_left` where the sign-in left nothing that a call could be made with. */
export const pageOf: Readonly<Record<Step | 'nothing_left', (showing: Showing) => View>> = {
  somebody_else: ({ connect, opened, visitor }) =>
    // Where the IdP had somebody else, whom it is for may be signed in here all the same.
    somebodyElseView(opened, visitor && isFor(connect, visitor) ? undefined : shownAs(visitor)),
  sign_in: ({ connect, opened, visitor }) => signInView(connect, opened, shownAs(visitor)),
  allow: ({ connect, opened, visitor, csrf }) => allowView(connect, opened, { shown: shownAs(visitor), csrf }),
  done: () => doneView,
  nothing_left: ({ connect, opened, visitor }) => nothingLeftView(connect, opened, shownAs(visitor))
}

const shownAs = (visitor: Visitor | undefined): Shown | undefined =>
  visitor && { person: nameOf(visitor), tenant: visitor.tenant_name }
