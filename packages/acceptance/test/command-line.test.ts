import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine, registerProviders, signInAs } from '@onbehalf/acceptance'
import { people, recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const platform = await startTestPlatform(t, 'command-line')
const { publicUrl } = platform
const home = t.testdir({ ann: {}, olivia: {}, nobody: {} })
const owner = await signInAs(platform, people.owner.login)
const user = await signInAs(platform, people.user.login)
await registerProviders.run({ platform, callers: new Map(), ids: new Map() })

const as = (who: string) => commandLine(join(home, who))
const run = async (who: string, ...args: string[]) => as(who)(args).ended
const approve = async (approver: typeof owner, user_code: string) =>
  (await approver.api.ask('POST /openapi/v1/oauth/device/approve', { body: { user_code } })).status
const tokenOf = (who: string): string => {
  const [token] = Object.values(JSON.parse(readFileSync(join(home, who, '.config/onbehalf/tokens.json'), 'utf8')))
  recordSecrets([String(token)])
  return String(token)
}

t.test('login prints a link and a code, waits, and keeps a token that its owner alone can read', async (t) => {
  const before = await run('ann', 'whoami')
  t.match(before, { code: 3, out: '', err: /not signed in.*onbehalf login/ })
  const signingIn = as('ann')(['login', '--server', publicUrl])
  t.equal(await signingIn.saw(/^Open (\S+)/m), `${publicUrl}/device`)
  t.equal(await approve(user, await signingIn.saw(/code ([A-Z0-9]{4}-[A-Z0-9]{4})/)), 200)
  const { code, out, err } = await signingIn.ended
  t.match([code, out], [0, `Signed in at ${publicUrl} as ${people.user.email}\n`])
  t.match(err, /no keychain here: the token is in .*tokens\.json/)
  t.notMatch(out + err, tokenOf('ann'), 'and it is shown nowhere')
  t.equal(statSync(join(home, 'ann/.config/onbehalf/tokens.json')).mode & 0o777, 0o600)
  const { out: me } = await run('ann', 'whoami', '--output', 'json')
  t.match(JSON.parse(me), { server: publicUrl, account: { email: people.user.email } })
})

t.test('a sign-in is begun by one command and finished by another', async (t) => {
  const begun = await run('olivia', 'login', '--no-wait', '--server', publicUrl, '--output', 'json')
  t.equal(begun.code, 0)
  const { user_code } = JSON.parse(begun.out)
  t.equal(await approve(owner, user_code), 200)
  t.match(await run('olivia', 'login', '--resume'), { code: 0, out: /as olivia@/ })
  tokenOf('olivia')
  t.match(await run('olivia', 'status'), { code: 0, out: new RegExp(`^olivia@\\S+\\t${publicUrl}\\tuntil `) })
})

t.test('a denied sign-in and Ctrl-C end at once, each in its own way', async (t) => {
  const denied = as('nobody')(['login', '--server', publicUrl])
  const user_code = await denied.saw(/code ([A-Z0-9-]{9})/)
  t.equal((await user.api.ask('POST /openapi/v1/oauth/device/deny', { body: { user_code } })).status, 200)
  const left = as('nobody')(['login', '--server', publicUrl])
  await left.saw(/Waiting/)
  left.interrupt()
  t.match(await left.ended, { code: 130, out: '' })
  t.match(await denied.ended, { code: 1, out: '', err: /The sign-in was denied/ })
})

t.test('tools are listed, described and called; the result alone is on standard output', async (t) => {
  t.match(await run('ann', 'tools', 'list', 'everything'), { code: 0, out: /^everything\techo\t/m })
  t.match(await run('ann', 'tools', 'describe', 'everything', 'echo'), { code: 0, out: /Arguments: \{.*message/s })
  t.match(await run('ann', 'call', 'everything', 'echo', '--arg', 'message=hello'), { code: 0, out: /^Echo: hello\n$/ })
  const piped = await as('ann')(['call', 'everything', 'echo', '--json', '-', '--output', 'json'], {
    input: '{"message":"hi"}'
  }).ended
  t.match(JSON.parse(piped.out), { result: { content: [{ type: 'text', text: 'Echo: hi' }] } })
  t.match(await run('ann', 'call', 'everything', 'no-such-tool'), { code: /^[16]$/ })
  t.match(await run('ann', 'call', 'no-such-server', 'echo'), { code: 1, out: '', err: /not_found/ })
  const slow = ['call', 'everything', 'trigger-long-running-operation', '--arg', 'duration:=1', '--arg', 'steps:=2']
  t.match(await run('ann', ...slow), { code: 0, out: /completed/, err: /2 of 2/ })
})

t.test('a token of the environment is used as it is, and one that does not hold says to sign in again', async (t) => {
  const more = { ONBEHALF_SERVER: publicUrl, ONBEHALF_TOKEN: tokenOf('ann') }
  t.match(await as('nobody')(['whoami'], { more }).ended, { code: 0, out: new RegExp(people.user.email) })
  const bad = { ...more, ONBEHALF_TOKEN: `dfoa_${'A'.repeat(43)}` }
  t.match(await as('nobody')(['whoami'], { more: bad }).ended, {
    code: 3,
    out: '',
    err: /Sign in again: onbehalf login/
  })
})

t.test('servers are listed by members and registered by administrators', async (t) => {
  t.match(await run('ann', 'providers', 'list'), { code: 0, out: /^everything\t/m })
  const url = `${platform.whoami.url}?again`
  t.match(await run('ann', 'providers', 'add', 'again', url), { code: 1, out: '', err: /forbidden/ })
  t.match(await run('olivia', 'providers', 'add', 'again', url), { code: 0, out: /^Registered again with \d+ tools/ })
  const asUsers = ['everyone', `${platform.everything.url}/users`, '--identity', 'idp_token']
  const isTold = { code: 0, out: /^Registered everyone with 0 tools/, err: /^everyone: .*sign in.*\/connect\?/ }
  t.match(await run('olivia', 'providers', 'add', ...asUsers), isTold, 'and told where to sign in for its tools')
  const file = join(home, 'mcp.json')
  writeFileSync(file, 'no JSON')
  t.match(await run('olivia', 'providers', 'import', file), { code: 2, err: /is not JSON/ })
  const third = { url: `${platform.whoami.url}?third` }
  writeFileSync(file, JSON.stringify({ mcpServers: { third, local: { command: 'npx' } } }))
  t.match(await run('olivia', 'providers', 'import', file), { code: 1, out: '', err: /local/ })
  t.match(await run('olivia', 'providers', 'list'), { code: 0, out: /^(?!.*third)/s }, 'all or nothing')
  writeFileSync(file, JSON.stringify({ mcpServers: { third } }))
  t.match(await run('olivia', 'providers', 'import', file), { code: 0, out: /^third\tthird\t/ })
})

t.test('devices are listed and signed out, and logout takes the token back', async (t) => {
  const { out } = await run('ann', 'sessions', 'list')
  const current = /^(\S+)\t.*this one$/m.exec(out)?.[1] ?? ''
  t.match(await run('ann', 'sessions', 'revoke', '01890000-0000-7000-8000-000000000000'), { code: 1, err: /not_found/ })
  t.match(await run('ann', 'sessions', 'revoke', '--others'), { code: 0, out: /^Signed out: 0/ })
  t.match(await run('ann', 'sessions', 'revoke', current), { code: 0, out: /^Signed out: 1/ })
  t.match(await run('ann', 'whoami'), { code: 3, err: /Sign in again/ })
  const token = tokenOf('olivia')
  t.match(await run('olivia', 'logout'), { code: 0, out: /^Signed out of / })
  t.match(await run('olivia', 'status'), { code: 0, out: '', err: /Nobody is signed in/ })
  const more = { ONBEHALF_SERVER: publicUrl, ONBEHALF_TOKEN: token }
  t.match(await as('nobody')(['whoami'], { more }).ended, { code: 3 }, 'and it holds nowhere any more')
})
