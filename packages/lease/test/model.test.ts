import t from 'tap'
import { createModel, type StoreFixture, storeOf, storePromises } from '../src/testing/index.ts'

let ahead = 0
let made = 0
const next = (): string => {
  made += 1
  return String(made)
}
const model = createModel<string, string, string>({ now: () => Date.now() + ahead })

const fixture: StoreFixture<string, string, string> = {
  store: storeOf(model, async (work) => work()),
  wants: ['a', 'b'],
  make: async () => {
    const id = `row ${next()}`
    model.signIn(id, `refresh token ${next()}`)
    return id
  },
  answerTo: (_lease, rotation) => ({
    material: rotation === 'kept' ? undefined : `refresh token ${next()}`,
    token: `token ${next()}`
  }),
  textOf: (material) => material,
  endLease: async () => {
    ahead += 60_000
  },
  signIn: async (id) => model.signIn(id, `refresh token ${next()}`),
  revoke: async (id) => model.revoke(id),
  empty: async (id) => model.empty(id)
}

for (const [promise, isKept] of Object.entries(storePromises(fixture)))
  t.test(`the model: ${promise}`, async (t) => {
    await t.resolves(isKept(), promise)
  })
