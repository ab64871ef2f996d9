import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { startStage } from '../stage.ts'
import { randomFrom, startCrowd } from './crowd.ts'

const seed = 20_260_728
const crowd = await startCrowd(randomFrom(seed))
t.teardown(crowd.stop)
const stage = await startStage(t, { alsoAllowed: [crowd.port] })
const { call, broker, devices, issuer, providers } = stage

for (const [kind, total] of [
  ['json', 3_400],
  ['sse', 3_300],
  ['session', 3_300]
] as const)
  t.test(`two users interleaved ${total} times over ${kind}: nothing of one reaches the other`, async (t) => {
    const random = randomFrom(seed)
    const one = devices.makeToken()
    const other = devices.makeToken({ tenant_id: one.tenant_id })
    const { server_identifier } = providers.register({
      ...{ tenant_id: one.tenant_id, server_url: crowd.urlOf(kind), mode: 'idp_token' }
    })
    const wrong: unknown[] = []
    const ids = new Set<unknown>()
    let begun = 0
    crowd.expect(total)
    const workOn = async (): Promise<void> => {
      while (begun < total) {
        begun += 1
        const nonce = `${kind}-${begun}`
        const user = random() < 0.5 ? one : other
        // Every now and then what is held of one of them is emptied while calls of both are under way.
        if (begun % 499 === 0) broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
        const { status, body } = await call(user.headers, { server_identifier, tool: 'x', arguments: { nonce } })
        ids.add(body.call_id)
        const { structuredContent: told = {} } = Object(body.result)
        const subject = subjectOf(user.user_id)
        const isOwn = told.nonce === nonce && told.subject === subject && Object(body.identity).subject === subject
        if (status !== 200 || !isOwn) wrong.push({ nonce, subject, status, body })
      }
    }
    await Promise.all(Array.from({ length: 64 }, workOn))
    t.same(wrong, [], `in the order of the seed ${seed}`)
    t.equal(ids.size, total)
    t.same(crowd.crossed(), [])
    t.equal(crowd.sessions() > 0, kind === 'session')
  })
