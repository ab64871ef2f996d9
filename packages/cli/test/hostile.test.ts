import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { commandLine } from '@onbehalf/acceptance'
import { freePort } from '@onbehalf/testkit'
import t from 'tap'

const home = t.testdir({})
const port = await freePort()
const server = `http://127.0.0.1:${port}`
const asked: { path: string; authorization: string | undefined }[] = []
/** What the next requests are answered with, by path. */
const answers: Record<string, (response: ServerResponse, body: string) => void> = {}

const listener: RequestListener = async (request, response) => {
  let body = ''
  for await (const piece of request) body += piece
  const path = request.url?.split('?')[0] ?? ''
  asked.push({ path, authorization: request.headers.authorization })
  const answer = answers[path]
  if (answer) answer(response, body)
  else response.writeHead(404).end()
}
const hostile = createServer(listener).listen(port, '127.0.0.1')
t.teardown(() => hostile.close())

const json = (status: number, value: object) => (response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
const begun = {
  device_code: 'device-code',
  user_code: 'ABCD-EFGH',
  verification_uri: `${server}/device`,
  verification_uri_complete: `${server}/device?user_code=ABCD-EFGH`,
  expires_in: 30,
  interval: 1
}
const code = '/openapi/v1/oauth/device/code'
const poll = '/openapi/v1/oauth/device/token'
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

t.test('polling is slowed down when asked, waits out a server that is away, and takes tokens only', async (t) => {
  answers[code] = json(200, begun)
  const times: number[] = []
  const steps = [
    json(400, { error: 'authorization_pending', error_description: '' }),
    (response: ServerResponse) =>
      void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    json(400, { error: 'slow_down', error_description: '' }),
    json(200, { access_token: '$(touch /tmp/owned)', expires_at: 'never', token_id: '1' })
  ]
  answers[poll] = (response, body) => {
    times.push(Date.now())
    t.match(JSON.parse(body), { device_code: 'device-code', code_verifier: /^[\w-]{43}$/ })
    steps[times.length - 1]?.(response)
  }
  t.match(await run(['login', '--server', server, '--no-browser']).ended, { code: 4, err: /no token of its/ })
  t.equal(times.length, 4)
  const [, second = 0, third = 0, fourth = 0] = times
  t.ok(third - second >= 2_000, 'twice the interval after an answer that was none')
  t.ok(fourth - third >= 6_000, 'five seconds more from slow_down on')
  answers[code] = json(200, { ...begun, expires_in: 1 })
  t.match(await run(['login', '--server', server, '--no-browser']).ended, { code: 1, err: /Nobody approved in time/ })
  t.same(readdirSync(home), [], 'nothing was kept')
})

t.test('help teaches by example, mistakes name what is wrong, and shells learn the words', async (t) => {
  t.match(await run([]).ended, { code: 0, out: /onbehalf call everything echo --arg message=hello/, err: '' })
  t.match(await run(['call', '--help']).ended, { code: 0, out: /Examples:.*--json -/s })
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
