import { untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port] })
const send = apiOf(broker)
const url = '/v1/connections'
const owner = await signInAs(broker, logins.owner)
const stranger = await signInAs(broker, logins.owner, 'globex')
const open = async () => {
  const client = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await client.connect()
  return client
}
const database = await open()
t.teardown(() => database.end())

let made = 0
const create = (who = owner) => {
  made += 1
  const given = { name: `idp-${made}`, issuer: idp.issuer, client_id: 'onbehalf', client_secret: 'kept by nobody' }
  return send(who, 'POST', url, given)
}

await t.test('a tenant has 100 connections and no more, also where several are made at once', async (t) => {
  const { body } = await create()
  const counted = 'select count(*) from identity_broker.connection where tenant_id = $1'
  const { rows } = await database.query(counted, [broker.tenantId])
  await database.query(
    `insert into identity_broker.connection
      select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'name', 'filled-' || n))).*
      from identity_broker.connection c, generate_series(1, $2) n where c.id = $1`,
    [body.id, 98 - Number(rows[0].count)]
  )
  const holder = await open()
  await holder.query('begin; lock table identity_broker.connection in share mode')
  const six = Promise.all(Array.from({ length: 6 }, () => create()))
  await untilLocked(database, 6)
  await holder.query('commit')
  await holder.end()
  const answers = await six
  t.same(answers.map(({ status }) => status).sort(), [201, 201, 409, 409, 409, 409])
  const refused = answers.find(({ status }) => status === 409)
  t.match(refused?.body, { code: 'conflict', message: /100 connections/ })
  t.equal((await create(stranger)).status, 201, 'another tenant is not concerned')
  t.equal((await send(owner, 'DELETE', `${url}/${body.id}`)).status, 204)
  t.equal((await create()).status, 201)
})
