import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { providerChanges } from '@onbehalf/contracts'
import { readFeed } from '@onbehalf/rpc'
import { dumpRows } from '@onbehalf/testkit'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import type { Setting } from './setting.ts'

/** Who is told of a new provider, and what nobody is told. */
export const testTold = ({ backends, logs, noting, asOwner, url, fresh, secret }: Setting): void => {
  t.test('a create is told to everybody after its commit', async (t) => {
    const heard: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const bus = await openBusAs(t, backends, 'tool-invoker')
    const reader = readFeed(bus, providerChanges, {
      onChange: ({ id }) => {
        heard.push(id)
        resolve()
      },
      onReset: () => {}
    })
    await bus.connection.flush()
    const gate = Promise.withResolvers<void>()
    noting.answer = { ...noting.answer, gate: gate.promise }
    const creating = asOwner('POST', url, fresh({ server_url: `${noting.url}?feed` }))
    await promise
    noting.answer = { status: 200, tools: [{ name: 'noted' }] }
    gate.resolve()
    reader.close()
    t.equal(heard[0], (await creating).body.id, 'before its server answered')
  })

  t.test('neither the rows nor the log hold a secret in clear', async (t) => {
    const secrets = { header: secret(), client_id: secret(), client_secret: secret(), query: secret(), path: secret() }
    const { status } = await asOwner('POST', url, {
      ...fresh({ server_url: `http://127.0.0.3:1/${secrets.path}?key=${secrets.query}` }),
      headers: { 'X-Key': secrets.header },
      authentication: { client_id: secrets.client_id, client_secret: secrets.client_secret }
    })
    t.equal(status, 201)
    const file = join(backends.directory, 'rows-now.txt')
    await dumpRows(backends.adminDatabaseUrl, file)
    const rows = await readFile(file, 'utf8')
    t.match(rows, /mcp_provider\.provider /)
    for (const [name, value] of Object.entries(secrets)) {
      const spellings = [value, Buffer.from(value).toString('hex')]
      for (const text of spellings) t.notOk(rows.includes(text) || logs.join('').includes(text), name)
    }
  })
}
