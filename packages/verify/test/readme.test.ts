import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { audience, startIssuer } from './issuer.ts'

const root = new URL('../', import.meta.url)
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

t.test("the README's example runs, and says who calls", async (t) => {
  const issuer = await startIssuer(t)
  const port = await freePort()
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  t.ok(example.split('\n').filter((line) => line !== '').length <= 12, 'it is short')
  t.match(example, audience)
  const program = example
    .replace(/'https:\/\/onbehalf\.example\.com\/[^']+'/, `'${issuer.issuer}'`)
    .replace('listen(3000)', `listen(${port}, '127.0.0.1')`)
  // Inside of the package, which is then found by its own name.
  const directory = new URL(`dist/readme-${process.pid}/`, root)
  await mkdir(directory, { recursive: true })
  t.teardown(() => rm(directory, { recursive: true }))
  const file = fileURLToPath(new URL('example.ts', directory))
  await writeFile(file, program)

  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit'] })
  t.teardown(() => child.kill())
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }
  const ask = (token: string) =>
    fetch(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(call)
    })
  const token = await issuer.sign({ email: 'ann@example.com', email_verified: true })
  const untilUp = async (): Promise<Response> =>
    ask(token).catch(() => (child.exitCode === null ? untilUp() : ask(token)))
  const answer = await untilUp()
  t.equal(answer.status, 200)
  t.same(await answer.json(), { hello: 'ann@example.com' })
  t.equal((await ask(await issuer.sign({ aud: 'https://other.example.com' }))).status, 401)
})

t.test('what is packed is plain JavaScript with types, and does the same', async (t) => {
  const directory = new URL(`dist/packed-${process.pid}/`, root)
  t.teardown(() => rm(directory, { recursive: true }))
  const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', root))
  const args = ['--project', fileURLToPath(new URL('tsconfig.build.json', root)), '--outDir', fileURLToPath(directory)]
  const code = await new Promise((resolve) => spawn(tsc, args, { stdio: 'inherit' }).on('close', resolve))
  t.equal(code, 0)
  const packed: typeof import('../src/index.ts') = await import(new URL('index.js', directory).href)
  const issuer = await startIssuer(t)
  const verifier = packed.createVerifier({ issuers: [issuer.issuer], audience })
  t.equal((await verifier.verify(await issuer.sign())).subject, 'ann')
  t.match(await readFile(new URL('index.d.ts', directory), 'utf8'), 'createVerifier')
})
