import t from 'tap'
import { isErrorCode, ReportedError, statusByCode, toReported } from '../src/index.ts'

t.test('a reported error has the status of its code, its words and what goes with it', async (t) => {
  const cause = new Error('the truth')
  const error = new ReportedError('no_refresh_token', 'Sign in first.', { cause, connect_url: 'https://a.example' })
  t.match(error, { name: 'ReportedError', code: 'no_refresh_token', status: 428, message: 'Sign in first.', cause })
  t.same(error.extras, { connect_url: 'https://a.example' }, 'the cause is no extra')
  t.ok(error instanceof Error)
  t.notOk('cause' in new ReportedError('forbidden', 'No.'))
})

t.test('one family of callers can see another status', async (t) => {
  const error = new ReportedError('identity_refresh_rejected', 'Sign in again.', { status: 428 })
  t.equal(error.status, 428)
  t.same(error.extras, {})
})

t.test('anything but a reported error becomes internal, with its text only in the cause', async (t) => {
  const reported = new ReportedError('not_found', 'There is none.')
  t.equal(toReported(reported), reported)
  for (const thrown of [new Error('password=hunter2'), 'password=hunter2', null, undefined, { code: 'not_found' }]) {
    const error = toReported(thrown)
    t.match(error, { code: 'internal', status: 500, extras: {} })
    t.notMatch(error.message, /hunter2/)
    t.equal(error.cause, thrown)
  }
})

t.test('a database that is away, or too slow, is no fault of ours', async (t) => {
  for (const code of ['ECONNREFUSED', '57P01', '57014'])
    t.match(toReported(Object.assign(new Error('the truth'), { code })), { code: 'unavailable', status: 503 }, code)
  t.match(toReported(Object.assign(new Error('the truth'), { code: '42703' })), { code: 'internal' })
})

t.test('every code has the status of a refusal or a failure', async (t) => {
  for (const [code, status] of Object.entries(statusByCode)) t.ok(status >= 400 && status < 600, code)
})

t.test('only the words of the table are codes', async (t) => {
  t.ok(Object.keys(statusByCode).every(isErrorCode))
  for (const word of ['made_up', 'toString', '__proto__', 'constructor', '', 5, null, undefined])
    t.notOk(isErrorCode(word))
})
