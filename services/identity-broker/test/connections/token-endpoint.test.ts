import t from 'tap'
import { errorIn, toldBy } from '../../src/connections/token-endpoint.ts'
import { failureOf } from '../../src/exchange/failure.ts'

const answered = (error: string) => ({ status: 400, text: JSON.stringify({ error }), retryAfter: undefined })

t.test('an OAuth error is told as it is, and a very long one is none', async (t) => {
  const longest = 'x'.repeat(256)
  t.equal(errorIn({ error: longest }), longest)
  t.equal(toldBy({ status: 400 }, { error: longest }).message, `the token endpoint answered 400 ${longest}`)
  const error = 'x'.repeat(257)
  t.equal(errorIn({ error }), undefined)
  t.equal(toldBy({ status: 400 }, { error }).message, 'the token endpoint answered 400 without an OAuth error')
})

t.test('whatever a token endpoint writes as its error, little of it is kept or written into the log', async (t) => {
  const huge = answered('x'.repeat(250_000))
  const failure = failureOf('The identity provider', huge, 0)
  t.match(failure, {
    code: 'policy_denied',
    cause: { message: 'the token endpoint answered 400 without an OAuth error' }
  })
})
