import { answerPromises } from './answer-promises.ts'
import { endPromises } from './end-promises.ts'
import type { Promises, StoreFixture } from './fixture.ts'
import { leasePromises } from './lease-promises.ts'

export type { StoreFixture } from './fixture.ts'
export { createModel, type Model, storeOf, type Transact } from './model-store.ts'

/** What every RefreshStore promises, by name: tests of one that rests in a database run each of them. */
export const storePromises = <Material, Want, Token>(fixture: StoreFixture<Material, Want, Token>): Promises => ({
  ...leasePromises(fixture),
  ...answerPromises(fixture),
  ...endPromises(fixture)
})
