import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine } from '@onbehalf/acceptance'
import t from 'tap'
import { json, paths, playServer } from './played-server.ts'

const home = t.testdir({})
const { origin: server, answers, asked, begun } = await playServer(t)
const { code } = paths
const run = commandLine(home)
const token = `dfoa_${'A'.repeat(43)}`
const asSomebody = { more: { ONBEHALF_SERVER: server, ONBEHALF_TOKEN: token } }
const controls = '\u001b]0;owned\u0007\u001b[2J\u202eevil\u009b31m'
const unprintable = /(?![\n\t])[\p{Cc}\p{Cf}]/u

t.test('a link that is no web page of a safe place is neither printed nor opened', async (t) => {
  const links = {
    'javascript:alert(document.domain)': /no https URL/,
    'http://example.com/device': /is http/,
    'file:///etc/passwd': /no https URL/,
    'https://bank.example@evil.example/': /user name/,
    [`--help ${controls}`]: /not a URL/
  }
  for (const [verification_uri, why] of Object.entries(links)) {
    for (const change of [{ verification_uri }, { verification_uri_complete: verification_uri }]) {
      answers[code] = json(200, { ...begun, ...change })
      const { code: ended, out, err } = await run(['login', '--server', server]).ended
      t.match([ended, err], [4, why], verification_uri)
      t.notMatch(out + err, verification_uri)
    }
  }
  answers[code] = json(200, { ...begun, user_code: `${controls}ABCD` })
  t.match(await run(['login', '--server', server]).ended, { code: 4, err: /no code that could be typed/ })
})

t.test('http to another machine, a redirect and an endless answer are refused', async (t) => {
  t.match(await run(['login', '--server', 'http://example.com']).ended, { code: 2, err: /Use https/ })
  answers['/openapi/v1/account'] = (response) => response.writeHead(307, { location: `${server}/elsewhere` }).end()
  t.match(await run(['whoami'], asSomebody).ended, { code: 4, err: /not followed/ })
  t.notOk(
    asked.some(({ path }) => path === '/elsewhere'),
    'the token went nowhere else'
  )
  answers['/openapi/v1/account'] = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = () => response.destroyed || response.write(' '.repeat(1024 * 1024), more)
    more()
  }
  t.match(await run(['whoami'], asSomebody).ended, { code: 4, err: /8 MB/ })
  answers['/openapi/v1/account'] = (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>')
  t.match(await run(['whoami'], asSomebody).ended, { code: 4, err: /Is this the address of an Onbehalf server/ })
})

t.test('what a server says is shown without what a terminal would obey', async (t) => {
  answers['/openapi/v1/account'] = json(403, {
    code: 'forbidden',
    message: `No.${controls}`,
    status: 403,
    request_id: '1'
  })
  const refused = await run(['whoami'], asSomebody).ended
  t.match(refused, { code: 1, err: /No\./ })
  t.notMatch(refused.err, unprintable)
  const session = { device_label: controls, client_id: 'onbehalf', last_used_at: null, id: '1', is_current: false }
  answers['/openapi/v1/account/sessions'] = json(200, {
    data: [session],
    has_more: false,
    page: 1,
    limit: 200,
    total: 1
  })
  const listed = await run(['sessions', 'list'], asSomebody).ended
  t.match(listed, { code: 0, out: /evil/ })
  t.notMatch(listed.out, unprintable)
  const raw = await run(['sessions', 'list', '--output', 'json'], asSomebody).ended
  t.notMatch(raw.out, unprintable)
  t.equal(JSON.parse(raw.out).data[0].device_label, controls, 'as JSON the value is the same')
  const result = { content: [{ type: 'text', text: `one\ntwo${controls}` }] }
  answers['/v1/tools/call'] = (response) =>
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(
        `event: log\ndata: ${JSON.stringify({ level: 'info', data: controls })}\n\nevent: result\ndata: ${JSON.stringify({ result })}\n\n`
      )
  const called = await run(['call', 'any', 'tool'], asSomebody).ended
  t.match(called, { code: 0, out: /^one\ntwo/ })
  t.notMatch(called.out + called.err, unprintable)
})

t.test('help teaches by example, mistakes name what is wrong, and shells learn the words', async (t) => {
  t.match(await run([]).ended, { code: 0, out: /onbehalf call everything echo --arg message=hello/, err: '' })
  t.match(await run(['call', '--help']).ended, { code: 0, out: /Examples:.*--json -/s })
  t.match(await run(['help', 'providers', 'add']).ended, { code: 0, out: /^onbehalf providers add .*Examples:/s })
  t.match(await run(['help', 'nothing']).ended, { code: 2, err: /There is no command "nothing"/ })
  t.match(await run(['cal']).ended, { code: 2, out: '', err: /no command "cal"/ })
  t.match(await run(['sessions']).ended, { code: 2, err: /sessions list or sessions revoke/ })
  t.match(await run(['whoami', '--outptu', 'json']).ended, { code: 2, err: /--outptu/ })
  t.match(await run(['call', 'a', 'b', '--json', '[1]'], asSomebody).ended, { code: 2, err: /takes an object/ })
  t.match(await run(['completion', 'bash']).ended, { code: 0, out: /complete -o default -F _onbehalf onbehalf/ })
  for (const shell of ['bash', 'zsh', 'fish']) t.match((await run(['completion', shell]).ended).out, /list describe/)
  const { bin } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
  t.same(Object.keys(bin), ['onbehalf'])
})

t.test('who stops reading, as head does, ends the command without a word', async (t) => {
  const running = run(['completion', 'bash'])
  running.stopReading()
  t.match(await running.ended, { code: 0, err: '' })
})
