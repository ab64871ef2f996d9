import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { compileCache, recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { json, paths, playServer } from './played-server.ts'
import { installIn, openTerminal, skipWithout } from './session.ts'

const server = await playServer(t)
const home = t.testdir({ bin: {} })
const PATH = installIn(join(home, 'bin'))
const env = { PATH, HOME: home, ONBEHALF_TOKEN_STORE: 'file', BROWSER: '/bin/true', ...compileCache }
const noTerminal = process.platform === 'linux' ? false : 'script(1) is another one here'
const [noZsh, noFish] = [await skipWithout('zsh'), await skipWithout('fish')]
const token = `dfoa_${randomBytes(32).toString('base64url')}`
recordSecrets([token])

t.test('on a terminal a spinner turns until somebody decided, and leaves nothing', { skip: noTerminal }, async (t) => {
  server.answers[paths.code] = json(200, server.begun)
  let polls = 0
  server.answers[paths.poll] = (response, body) => {
    polls += 1
    if (polls < 2) json(400, { error: 'authorization_pending', error_description: '' })(response, body)
    else json(200, { access_token: token, token_id: '1', expires_at: '2099-01-01T00:00:00Z' })(response, body)
  }
  const terminal = openTerminal(t, `onbehalf login --server ${server.origin}`, env)
  await terminal.saw(/Open http:\S+\r\nand enter the code ABCD-EFGH\r\n/)
  const frames = [await terminal.saw(/\r(.) Waiting for your approval/), await terminal.saw(/\r(.) Waiting for/)]
  t.not(frames[0], frames[1], 'it turns')
  await terminal.saw(/\r.\[K/)
  await terminal.saw(/Signed in at \S+ as 1\r\n/)
  t.equal(await terminal.ended, 0)
  t.notMatch(terminal.screen(), /Waiting for your approval\r?\n/, 'not one line of it stays')
})

t.test('Ctrl-C leaves the terminal as it was, and nothing behind', { skip: noTerminal }, async (t) => {
  server.answers[paths.poll] = json(400, { error: 'authorization_pending', error_description: '' })
  const login = openTerminal(t, `onbehalf login --server ${server.origin}`, env)
  await login.saw(/Waiting for your approval/)
  login.type('\u0003')
  await login.saw(/\r.\[K/)
  t.equal(await login.ended, 130)
  t.notMatch(login.screen(), /Error|at .*\.ts:\d/, 'without a trace of our inside')

  // An answer that does not come.
  server.answers[paths.call] = (response) =>
    void response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .write('event: progress\ndata: {"progress":1}\n\n')
  const more = { ONBEHALF_SERVER: server.origin, ONBEHALF_TOKEN: token }
  const call = openTerminal(t, 'onbehalf call any tool', { ...env, ...more })
  await call.saw(/1\r\n/)
  call.type('\u0003')
  t.equal(await call.ended, 130)
})

const said = (command: string, args: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        out += text
      })
    }
    child.once('error', reject)
    child.once('close', () => resolve(out))
  })

/** Types words with a Tab behind each into a shell that learned to complete them; what became of them. It stays open. */
const completedBy = async (t: Parameters<typeof openTerminal>[0], shell: string, command: string) => {
  const terminal = openTerminal(t, command, { ...env, PS1: 'ready> ' }, { isPlain: true })
  await terminal.saw(/ready> |[#%$] /)
  terminal.type(`source <(onbehalf completion ${shell}); PS1='learned''> '\n`)
  await terminal.saw(/learned> /)
  const words: string[] = []
  for (const [typed, whole] of [
    ['onbehalf sessi\t', /onbehalf sessions /],
    ['rev\t', /revoke /],
    ['--oth\t', /--others /]
  ] as const) {
    terminal.type(typed)
    words.push(await terminal.saw(whole))
  }
  return words.join('')
}

t.test('bash completes our words', { skip: noTerminal }, async (t) => {
  t.equal(await completedBy(t, 'bash', 'bash --norc -i'), 'onbehalf sessions revoke --others ')
})

t.test('zsh completes our words, set up or not', { skip: noTerminal || noZsh }, async (t) => {
  t.equal(await completedBy(t, 'zsh', 'zsh -f -i'), 'onbehalf sessions revoke --others ')
})

t.test('fish completes our words', { skip: noFish }, async (t) => {
  const completions = async (typed: string) => {
    const script = `onbehalf completion fish | source; complete -C '${typed}'`
    return (await said('fish', ['--no-config', '--command', script])).split('\n').filter(Boolean)
  }
  t.same(await completions('onbehalf sess'), ['sessions'])
  t.same(await completions('onbehalf sessions '), ['list', 'revoke'])
  t.same(await completions('onbehalf sessions revoke --oth'), ['--others'])
  t.ok((await completions('onbehalf ')).includes('completion'))
})
