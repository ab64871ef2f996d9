import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '@onbehalf/service-kit'
import { sql } from 'kysely'
import t from 'tap'
import { readCheckpoint } from '../../../src/chain/checkpoint.ts'
import { dropMonths } from '../../../src/chain/drop-months.ts'
import { chainStore } from '../../../src/chain/store.ts'
import type { Setting } from './setting.ts'

/** Months of records that are kept long enough. */
export const testMonths = ({ stage, admin, db, chainKeys, write, verify, verifyAfter }: Setting): void => {
  t.test('a month that is dropped is stated first; one that just vanished is noticed', async (t) => {
    const tenant_id = newId()
    const old = new Date(Date.UTC(2024, 0, 31, 23, 59))
    // A call that began in the old month may be written after one of the next.
    const times = [old, old, new Date(), old, new Date()]
    await stage.resources.calls.ensurePartitions(old)
    await write(tenant_id, times)
    t.match(await verify(), /nothing was changed/)
    const words = await verifyAfter(['delete from call_2024_01'])
    t.match(words, /cut: the first 2 are gone/)
    t.match(words, /removed: 4/)

    const told: string[] = []
    const tell = (statement: string) => void told.push(statement)
    const refuse = () => t.fail('all of it is ours')
    const tools = { chain: chainStore(db), ...chainKeys, tell, refuse }
    const at = { monthsKept: 13, now: new Date(), signal: new AbortController().signal }
    await dropMonths(tools, { ...at, monthsKept: 0 })
    t.same(told, [], '0 keeps all')
    const sinceOld = 12 * (at.now.getUTCFullYear() - 2024) + at.now.getUTCMonth()
    await dropMonths(tools, { ...at, monthsKept: sinceOld, now: new Date(Date.UTC(at.now.getUTCFullYear() + 2, 0)) })
    t.same(told, [], 'a clock that is years ahead makes no month too old')
    const tellAndDie = (statement: string) => {
      tell(statement)
      throw new Error('killed')
    }
    await t.rejects(dropMonths({ ...tools, tell: tellAndDie }, at), { message: 'killed' })
    t.match(told, [/^eyJ/], 'told before anything is gone')
    const log = join(stage.backends.directory, 'dropped.log')
    await writeFile(log, told.join('\n'))
    t.match(await verify(log), /nothing was changed/, 'and what is there after all is no fault')
    await t.rejects(dropMonths(tools, { ...at, signal: AbortSignal.abort(new Error('leaving')) }), {
      message: 'leaving'
    })
    await dropMonths(tools, at)
    t.equal(told.length, 3, 'said again, and of the empty month behind it')
    const { rows: left } = await admin.query('select sequence from call where tenant_id = $1', [tenant_id])
    t.equal(left.length, 2)
    t.match(await verify(), /nothing was changed/)
    t.match(await verifyAfter(['delete from call_checkpoint']), /cut: the first 2 are gone/)
    t.match(
      await verifyAfter(['delete from call_checkpoint'], log),
      /nothing was changed/,
      'the log says what they were'
    )
  })

  t.test('a month with a record that is not ours, or not of that month, is neither stated nor dropped', async (t) => {
    const strangers = async (tenant_id: string, ...times: Date[]) =>
      (await write(tenant_id, times)).map(({ tenant_id, writer, sequence, id }) => ({
        tenant_id,
        writer,
        sequence,
        id
      }))
    const day = (year: number, month: number) => new Date(Date.UTC(year, month - 1, 15))
    // The tables are the service's own: whoever has its password can make others.
    const crooked = "create table call_2020_02 partition of call for values from ('2040-01-01Z') to ('2040-02-01Z')"
    await db.executeQuery(sql.raw(crooked).compile(db))
    const [copied, misplaced, orphaned, whole] = [newId(), newId(), newId(), newId()]
    const [, copy] = await strangers(copied, day(2022, 1), new Date())
    const [future] = await strangers(misplaced, day(2040, 1))
    const [, orphan] = await strangers(orphaned, day(2020, 3), day(2020, 4))
    await write(whole, [day(2022, 1), day(2022, 2), day(2022, 2), new Date(), day(2022, 4)])
    await db.executeQuery(
      sql`insert into call select (json_populate_record(c, '{"started_at":"2020-01-15T00:00:00Z"}')).* from call c
        where tenant_id = ${copied} and sequence = 2`.compile(db)
    )
    await stage.resources.calls.partitionDefault()
    await admin.query('drop table call_2020_03')

    const refused: unknown[] = []
    const said: string[] = []
    const refuse = (...one: unknown[]) => void refused.push(one)
    const tools = { chain: chainStore(db), ...chainKeys, tell: (one: string) => void said.push(one), refuse }
    const { signal } = new AbortController()
    // The second time what February follows is known from the statement alone.
    await dropMonths(tools, { monthsKept: 0, now: new Date(), signal })
    await dropMonths({ ...tools, refuse: () => {} }, { monthsKept: 13, now: day(2023, 3), signal })
    await dropMonths(tools, { monthsKept: 13, now: new Date(), signal })
    t.same(refused, [
      ['2020_01', copy],
      ['2020_02', future],
      ['2020_04', orphan]
    ])
    const months = await chainStore(db).months()
    t.same(
      months.filter((month) => month < '2023'),
      ['2020_01', '2020_02', '2020_04']
    )
    const stated = said.flatMap((one) => readCheckpoint(chainKeys.checkpointKey, one)?.stretches ?? [])
    t.same(
      stated.filter(({ tenant_id }) => tenant_id === whole).map(({ first, last }) => [first, last]),
      [
        [1, 1],
        [2, 3],
        [5, 5]
      ]
    )
    t.notOk(stated.some(({ tenant_id }) => tenant_id === misplaced || tenant_id === orphaned))
    const hidden = `delete from call where tenant_id = '${copied}' and started_at > '2021-01-01'`
    t.match(await verifyAfter([hidden]), new RegExp(`tenant ${copied}, writer ${copy?.writer}: changed: 2 `))

    for (const month of ['2020_01', '2020_02', '2020_04']) await admin.query(`drop table call_${month}`)
    await admin.query('delete from call where tenant_id = any($1)', [[copied, misplaced, orphaned, whole]])
  })
}
