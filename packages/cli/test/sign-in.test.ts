import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine } from '@onbehalf/acceptance'
import { createClient, UnexpectedAnswer } from '@onbehalf/client'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { pollUntilDecided } from '../src/sign-in/poll.ts'
import { inProcess } from './in-process.ts'
import { startKeychain } from './keychain.ts'
import { json, type PlayedServer, paths, playServer } from './played-server.ts'
import { installIn, skipWithout } from './session.ts'

const [here, there] = [await playServer(t), await playServer(t)]
const noKeychain = await skipWithout('dbus-daemon', 'gnome-keyring-daemon')
const homes = t.testdir({ polls: {}, opened: {}, many: {}, keychain: {}, none: {}, insecure: {}, codes: {} })
const homeOf = (name: string) => join(homes, name)

const makeToken = (): string => {
  const token = `dfoa_${randomBytes(32).toString('base64url')}`
  recordSecrets([token])
  return token
}

/** The next device that asks here is let in as this person. */
const letIn = ({ answers, begun }: PlayedServer, email: string, workspace = 'Acme'): string => {
  const access_token = makeToken()
  answers[paths.code] = json(200, { ...begun })
  answers[paths.poll] = json(200, {
    ...{ access_token, token_id: 'a', expires_at: '2099-01-01T00:00:00.000Z' },
    account: { id: 'b', email, name: null },
    ...{ workspaces: [{ id: workspace, name: workspace, role: 'member' }], default_workspace_id: workspace }
  })
  answers[paths.account] = json(200, { account: { email }, workspaces: [], expires_at: 'then' })
  return access_token
}
type Run = (args: readonly string[]) => { ended: Promise<{ code: number | null; out: string; err: string }> }
const signIn = async (run: Run, { origin }: PlayedServer, ...more: string[]) => {
  await run(['login', '--no-wait', '--server', origin, ...more]).ended
  return run(['login', '--resume', ...more]).ended
}
/** With whose token a server was asked last. */
const askedWith = ({ asked }: PlayedServer): string | undefined => asked.at(-1)?.authorization?.split(' ')[1]

t.test('polling waits as long as it is told, twice as long for a server that is away, and not for ever', async (t) => {
  const pending = { server: here.origin, device_code: 'device-code', code_verifier: 'v', interval: 5, ends_at: 300_000 }
  const refused = (error: string) => ({ status: 400, body: { error, error_description: 'words' } })
  const away = { status: 503, body: { error: 'unavailable', error_description: '' } }
  const granted = { status: 200, body: { access_token: 'x' } }
  const play = (steps: readonly ({ status: number; body: object } | Error)[], isLate = false) => {
    const waited: number[] = []
    let [time, step] = [0, 0]
    const client = createClient(async () => {
      const answer = steps[Math.min(step, steps.length - 1)]
      step += 1
      if (!answer || answer instanceof Error) throw answer
      return { status: answer.status, type: 'application/json', text: JSON.stringify(answer.body) }
    })
    const wait = async (seconds: number) => {
      waited.push(seconds)
      time += seconds * 1000
    }
    const polling = { signal: new AbortController().signal, isLate, now: () => time, wait }
    return pollUntilDecided(client, pending, polling).then(
      () => waited.join(' '),
      (error: Error) => `${waited.join(' ')}: ${error.message}`
    )
  }
  const slow = refused('slow_down')
  const waiting = refused('authorization_pending')
  t.equal(await play([waiting, waiting, granted]), '5 5 5')
  t.equal(await play([slow, waiting, slow, waiting, granted]), '5 10 10 15 15', 'five seconds more, for good')
  t.equal(await play([away, away, away, waiting, granted]), '5 10 20 40 5', 'and back when it is there again')
  t.equal(await play([slow, away, slow, granted]), '5 10 20 15')
  const gateway = new UnexpectedAnswer('a poll', 502)
  const late = Object.assign(new Error('late'), { name: 'TimeoutError' })
  t.equal(await play([gateway, late, granted]), '5 10 20', 'whoever answers for it, or nobody')
  t.equal(await play([away]), '5 10 20 40 60 60 60: Nobody approved in time. Begin again: onbehalf login')
  t.match(await play([waiting]), /^(5 ){59}5: Nobody approved in time/, 'until the code has ended')
  t.equal(await play([granted], true), '0', 'what was begun a while ago is asked for at once')
  t.equal(await play([refused('access_denied')]), '5: The sign-in was denied.')
  t.match(await play([refused('expired_token')]), /5: Nobody approved in time/)
  t.equal(await play([refused('odd')]), '5: The server refuses the sign-in (odd): words')
  t.equal(await play([new RangeError('ours')]), '5: ours', 'a fault of our own is none of the server')
})

t.test('what comes is asked for with the proof of who began, and has to be a token', async (t) => {
  const run = inProcess(homeOf('polls'))
  here.answers[paths.code] = json(200, here.begun)
  here.answers[paths.poll] = (response, body) => {
    t.match(JSON.parse(body), { device_code: 'device-code', client_id: 'onbehalf', code_verifier: /^[\w-]{43}$/ })
    json(200, { access_token: '$(touch owned)', expires_at: 'never', token_id: '1' })(response, body)
  }
  t.match(await signIn(run, here), { code: 4, err: /no token of its/ })
  here.answers[paths.code] = json(200, { ...here.begun, expires_in: 1, interval: 5 })
  const late = await run(['login', '--server', here.origin, '--no-browser']).ended
  t.match(late, { code: 1, err: /Nobody approved in time/ })
  t.notOk(existsSync(join(homeOf('polls'), '.config/onbehalf/tokens.json')), 'nothing was kept')
  t.match(await run(['login', '--resume', '--server', here.origin]).ended, { code: 4 })
  t.match(await inProcess(homeOf('none'))(['login', '--resume']).ended, { code: 2, err: /No sign-in was begun/ })
  t.match(await inProcess(homeOf('none'))(['login']).ended, { code: 2, err: /onbehalf login --server URL/ })
})

t.test('the link is opened by one argument of one program, whatever is in it', async (t) => {
  const opened = join(homes, 'opened/argv')
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const record = `printf '%s\\n' "$#" "$@" > "${opened}.new"; mv "${opened}.new" "${opened}"`
  const PATH = installIn(join(homes, 'opened/bin'), { [opener]: record, 'my browser': record })
  const link = `${here.origin}/device?user_code=ABCD-EFGH&x=$(touch owned);touch owned|a "b" '--help'`
  letIn(here, 'ann@acme.test')
  here.answers[paths.code] = json(200, { ...here.begun, verification_uri_complete: link })
  const argv = () => (existsSync(opened) ? readFileSync(opened, 'utf8').trimEnd().split('\n') : undefined)
  for (const BROWSER of ['', join(homes, 'opened/bin/my browser')]) {
    const run = commandLine(homeOf('opened'), { PATH, BROWSER })
    const { code, err } = await run(['login', '--server', here.origin]).ended
    t.match([code, err], [0, `Open ${here.origin}/device\nand enter the code ABCD-EFGH\n`], 'it is printed, too')
    t.same(await eventually(async () => argv(), Boolean), ['1', new URL(link).href])
    rmSync(opened)
  }
  t.notOk(existsSync('owned'))
  const nobody = commandLine(homeOf('opened'), { BROWSER: '/no/such/browser' })
  t.match(await nobody(['login', '--server', here.origin]).ended, { code: 0 }, 'without a browser it goes on')
})

t.test('several accounts at several servers are kept apart, each with its own token', async (t) => {
  const run = inProcess(homeOf('many'))
  const ask = async (...args: string[]) => (await run(['whoami', ...args]).ended).code
  const ann = letIn(here, 'ann@acme.test')
  t.match(await signIn(run, here), { code: 0, out: `Signed in at ${here.origin} as ann@acme.test\n` })
  const olivia = letIn(here, 'olivia@acme.test')
  await signIn(run, here)
  const away = letIn(there, 'ann@acme.test')
  await signIn(run, there)
  const elsewhere = letIn(here, 'olivia@acme.test', 'Globex')
  t.match(await signIn(run, here), { out: /as olivia@acme\.test \(Globex\)\n$/ }, 'the same person elsewhere')

  const { out } = await run(['status', '--output', 'json']).ended
  t.match(JSON.parse(out).accounts, [
    { server: here.origin, name: 'olivia@acme.test (Globex)', is_over: false, place: 'file' },
    { server: there.origin, name: 'ann@acme.test' },
    { server: here.origin, name: 'olivia@acme.test' },
    { server: here.origin, name: 'ann@acme.test' }
  ])
  t.equal(await ask(), 0)
  t.equal(askedWith(here), elsewhere, 'the one signed in last, when nobody is named')
  for (const [at, args, token] of [
    [here, ['--account', 'olivia@acme.test'], olivia],
    [here, ['--account', 'ann@acme.test', '--server', here.origin], ann],
    [there, ['--account', 'ann@acme.test'], away],
    [there, ['--server', there.origin], away],
    [here, ['--server', `${here.origin}/some/path`], elsewhere]
  ] as const) {
    t.equal(await ask(...args), 0)
    t.equal(askedWith(at), token, args.join(' '))
  }
  const more = { ONBEHALF_SERVER: here.origin, ONBEHALF_ACCOUNT: 'ann@acme.test' }
  t.match(await run(['whoami'], { more }).ended, { code: 0 })
  t.equal(askedWith(here), ann, 'or by the environment')
  const stranger = await run(['whoami', '--account', 'nobody@acme.test']).ended
  t.match(stranger, { code: 3, out: '', err: /not signed in/ }, 'and never by somebody else')

  here.answers[paths.own] = json(200, { status: 'revoked', revoked: 1 })
  t.match(await run(['logout', '--server', here.origin, '--account', 'ann@acme.test']).ended, { code: 0 })
  t.equal(askedWith(here), ann, 'signing out ends the one that was named')
  t.equal(await ask('--server', here.origin, '--account', 'ann@acme.test'), 3)
  t.equal(await ask('--account', 'olivia@acme.test'), 0)
  delete there.answers[paths.own]
  const left = await run(['logout', '--server', there.origin]).ended
  t.match(left, { code: 0, err: /could not be told: the token there ends/ }, 'what a server was not told is said')
  t.match(JSON.parse((await run(['status', '--output', 'json']).ended).out).accounts.length, 2)
})

t.test('a token lies in the keychain where there is one', { skip: noKeychain }, async (t) => {
  const run = commandLine(homeOf('keychain'), await startKeychain(t, homeOf('keychain')))
  const token = letIn(here, 'ann@acme.test')
  const signedIn = await signIn(run, here, '--output', 'json')
  t.match(signedIn, { code: 0, err: /^(?!.*tokens\.json)/s })
  t.match(JSON.parse(signedIn.out), { account: 'ann@acme.test', kept_in: 'keychain' })
  const kept = join(homeOf('keychain'), '.config/onbehalf')
  t.notOk(existsSync(join(kept, 'tokens.json')))
  t.notMatch(readFileSync(join(kept, 'accounts.json'), 'utf8'), token)
  t.match(await run(['whoami']).ended, { code: 0, out: /ann@acme\.test/ })
  t.equal(askedWith(here), token)
  t.match(await run(['status']).ended, { out: /in the keychain$/m })
  const lost = commandLine(homeOf('keychain'), {
    ONBEHALF_TOKEN_STORE: '',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/none'
  })
  t.match(
    await lost(['whoami']).ended,
    { code: 3, out: '', err: /keychain|not signed in/ },
    'away, it is not asked for'
  )
  t.match(await run(['logout']).ended, { code: 0 })
  t.match(await run(['whoami']).ended, { code: 3 })
})

t.test('and in a file of one’s own where there is none, which is said', async (t) => {
  const without = { ONBEHALF_TOKEN_STORE: '', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/none' }
  const run = commandLine(homeOf('none'), process.platform === 'darwin' ? {} : without)
  const token = letIn(here, 'ann@acme.test')
  const file = join(homeOf('none'), '.config/onbehalf/tokens.json')
  t.match(await signIn(run, here), { code: 0, err: `There is no keychain here: the token is in ${file}` })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(Object.values(JSON.parse(readFileSync(file, 'utf8'))), [token])
})

t.test('http to an address that is not this machine’s is for who insists, each time', async (t) => {
  const run = inProcess(homeOf('insecure'))
  // Another name of this machine, which nobody could know to be one.
  const origin = here.origin.replace('127.0.0.1', '0.0.0.0')
  const token = letIn(here, 'ann@acme.test')
  here.answers[paths.code] = json(200, { ...here.begun, verification_uri: `${origin}/device` })
  const before = here.asked.length
  t.match(await run(['login', '--no-wait', '--server', origin]).ended, { code: 2, out: '', err: /say --insecure/ })
  t.equal(here.asked.length, before, 'nothing was sent')
  t.match(await run(['login', '--no-wait', '--server', origin, '--insecure']).ended, { code: 0 })
  t.match(await run(['login', '--resume']).ended, { code: 2, err: /say --insecure/ })
  t.match(await run(['login', '--resume', '--insecure']).ended, { code: 0, out: `Signed in at ${origin}` })
  t.match(await run(['whoami']).ended, { code: 2, err: /say --insecure/ }, 'the token is not sent by habit')
  t.match(await run(['whoami', '--insecure']).ended, { code: 0 })
  t.equal(askedWith(here), token)
})

t.test('a token of the environment goes to no server that nobody named, the one used last included', async (t) => {
  const before = here.asked.length
  const ended = await inProcess(homeOf('none'))(['whoami'], { more: { ONBEHALF_TOKEN: makeToken() } }).ended
  t.match(ended, {
    code: 2,
    out: '',
    err: /ONBEHALF_TOKEN is for one server: name it with --server or ONBEHALF_SERVER/
  })
  t.equal(here.asked.length, before)
})

t.test('how a command ends says what to do next', async (t) => {
  const asSomebody = { more: { ONBEHALF_SERVER: here.origin, ONBEHALF_TOKEN: makeToken() } }
  const run = (...args: string[]) => inProcess(homeOf('codes'))(args, asSomebody).ended
  const answer = (path: string, status: number, body: object) => {
    here.answers[path] = json(status, body)
  }
  const refusal = (status: number, more: object = {}) => ({ code: 'x', message: 'Words.', status, ...more })
  answer(paths.account, 200, { account: { email: 'a' }, workspaces: [], expires_at: 'then' })
  t.match(await run('whoami'), { code: 0, err: '' })
  answer(paths.account, 403, refusal(403))
  t.match(await run('whoami'), { code: 1, out: '', err: 'onbehalf: Words. (x)\n' })
  t.match(await run('whoami', '--no-such-option'), { code: 2, out: '' })
  answer(paths.account, 401, refusal(401))
  t.match(await run('whoami'), { code: 3, out: '', err: /Sign in again: onbehalf login --server/ })
  const connect_url = `${here.origin}/connect?link=x`
  answer(paths.call, 428, refusal(428, { connect_url }))
  t.match(await run('call', 'a', 'b'), { code: 3, out: '', err: `Open ${connect_url}, then try again` })
  answer(paths.call, 422, refusal(422, { details: [{ path: 'arguments.a', message: 'is missing' }] }))
  t.match(await run('call', 'a', 'b'), { code: 1, err: /arguments\.a: is missing/ })
  answer(paths.call, 503, refusal(503))
  t.match(await run('call', 'a', 'b'), { code: 4, out: '', err: /Words/ })
  answer(paths.call, 200, { result: { isError: true, content: [{ type: 'text', text: 'It broke.' }] } })
  t.match(await run('call', 'a', 'b'), { code: 6, out: 'It broke.\n', err: /tool says that it failed/ })
  const nobody = { more: { ...asSomebody.more, ONBEHALF_SERVER: 'http://127.0.0.1:9' } }
  t.match(await inProcess(homeOf('codes'))(['whoami'], nobody).ended, { code: 4, err: /does not answer/ })
})
