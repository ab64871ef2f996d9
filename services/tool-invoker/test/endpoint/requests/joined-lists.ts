import t from 'tap'
import { joinName } from '../../../src/endpoint/names.ts'
import type { Json, Setting } from './setting.ts'

const resources = (from: number, count: number, size = 0): Json[] =>
  Array.from({ length: count }, (_, index) => ({ uri: `test://${from + index}`, description: 'x'.repeat(size) }))

/** The lists of all providers as one. */
export const testJoinedLists = ({ ask, devices, forwarding, listing }: Setting): void => {
  type User = ReturnType<typeof devices.makeToken>
  const page = async (user: User, method: string, cursor?: unknown): Promise<Json> => {
    const params = cursor === undefined ? {} : { cursor }
    return Object((await ask('/mcp', user.headers, { method, params })).body)
  }
  /** Each answer of a list, until no more follows. */
  const answersOf = async (user: User, method = 'resources/list') => {
    const answers: Json[] = []
    let cursor: unknown
    do {
      const { result } = await page(user, method, cursor)
      const answer = Object(result)
      answers.push(answer)
      cursor = answer.nextCursor
    } while (cursor !== undefined)
    return answers
  }
  const namesIn = (answers: Json[], member = 'resources', key = 'uri'): unknown[] =>
    answers.flatMap((answer) => Object(answer[member]).map((item: Json) => item[key]))
  /** A server with these pages, whose cursors are their numbers. */
  const paged = (pages: Json[][], member = 'resources') =>
    listing.at((_method, { cursor = '0' }) => {
      const next = Number(cursor) + 1
      return { [member]: pages[next - 1], ...(next < pages.length && { nextCursor: String(next) }) }
    })

  t.test('a list that is more than one answer joins goes on at its cursor, and has each item once', async (t) => {
    const user = devices.makeToken()
    const add = (server_identifier: string, pages: Json[][]) =>
      forwarding(user.tenant_id, paged(pages), { server_identifier })
    add('few', [resources(0, 3)])
    add('many', [resources(0, 6_000)])
    add('paged', [resources(0, 900), resources(900, 900), resources(1_800, 900)])
    add('wide', [resources(0, 40, 150_000)])
    const answers = await answersOf(user)
    t.ok(answers.length > 1)
    const [first] = answers
    for (const name of ['few', 'many', 'paged', 'wide'])
      t.ok(JSON.stringify(first).includes(`onbehalf://${name}/`), `${name} has a share of the first`)
    for (const answer of answers) {
      t.ok(Object(answer.resources).length <= 5_000)
      t.ok(JSON.stringify(answer).length < 2_200_000)
    }
    const expected = [
      ...resources(0, 3).map(({ uri }) => `onbehalf://few/${uri}`),
      ...resources(0, 6_000).map(({ uri }) => `onbehalf://many/${uri}`),
      ...resources(0, 2_700).map(({ uri }) => `onbehalf://paged/${uri}`),
      ...resources(0, 40).map(({ uri }) => `onbehalf://wide/${uri}`)
    ]
    t.strictSame(namesIn(answers).sort(), expected.sort())
  })

  t.test('what has no name of its kind, or is too long to be listed, is left out', async (t) => {
    const kinds = [
      ['resources/list', 'resources', 'uri', 'onbehalf://odd/fine'],
      ['resources/templates/list', 'resourceTemplates', 'uriTemplate', 'onbehalf://odd/fine'],
      ['prompts/list', 'prompts', 'name', 'odd__fine']
    ] as const
    for (const [method, member, key, joined] of kinds) {
      const user = devices.makeToken()
      const odd = [{}, null, 5, [], { [key]: 5 }, { [key]: null }, { other: 'x' }]
      const long = { [key]: 'long', description: 'x'.repeat(200_000) }
      const server = listing.at(() => ({ [member]: [...odd, long, { [key]: 'fine', size: 1 }] }))
      forwarding(user.tenant_id, server, { server_identifier: 'odd' })
      const [answer] = await answersOf(user, method)
      t.strictSame(answer?.[member], [{ [key]: joined, size: 1 }], method)
    }
  })

  t.test(
    'a server whose list never ends is heard for ten pages, and one whose cursor is too long for one',
    async (t) => {
      const user = devices.makeToken()
      const endless = listing.at((_method, { cursor = '0' }) => ({
        ...{ resources: resources(1_000 * Number(cursor), 1_000), nextCursor: String(Number(cursor) + 1) }
      }))
      forwarding(user.tenant_id, endless, { server_identifier: 'endless' })
      const wordy = listing.at(() => ({ resources: resources(0, 1), nextCursor: 'x'.repeat(5_000) }))
      forwarding(user.tenant_id, wordy, { server_identifier: 'wordy' })
      const names = namesIn(await answersOf(user))
      t.equal(names.length, 10_001)
      t.equal(new Set(names).size, 10_001)
    }
  )

  t.test('a cursor that no list gave is refused', async (t) => {
    const user = devices.makeToken()
    forwarding(user.tenant_id, paged([resources(0, 1)]), { server_identifier: 'one' })
    const place = { server_identifier: 'one', page: 1, skipped: 0 }
    const write = (left: unknown) => `~${Buffer.from(JSON.stringify(left)).toString('base64url')}`
    t.match(await page(user, 'resources/list', write([[place], null])), { result: { resources: [{}] } })
    const wrong = [
      ...[7, null, 'x'.repeat(101), '~', '~x', write([[], null]), write([[place]]), write([[place], 7])],
      ...[
        { ...place, page: 11 },
        { ...place, skipped: -1 },
        { ...place, server_identifier: 'No Where' }
      ].map((one) => write([[one], null])),
      write([[place, place], null]),
      write([Array.from({ length: 11 }, (_, at) => ({ ...place, server_identifier: `one-${at}` })), null])
    ]
    for (const cursor of wrong)
      t.match(
        await page(user, 'resources/list', cursor),
        { error: { code: -32602, message: /cursor/ } },
        String(cursor)
      )
  })

  t.test('a prompt is found by its cut name on whichever page its server lists it', async (t) => {
    const user = devices.makeToken()
    const name = 'grüße'
    const server = listing.at((method, params) => {
      if (method !== 'prompts/list')
        return { messages: [{ role: 'user', content: { type: 'text', text: params.name } }] }
      return params.cursor === undefined
        ? { prompts: [{}, { name: 'other' }], nextCursor: '1' }
        : { prompts: [{ name }] }
    })
    forwarding(user.tenant_id, server, { server_identifier: 'one' })
    const params = { name: joinName('one', name) }
    t.match(namesIn(await answersOf(user, 'prompts/list'), 'prompts', 'name'), ['one__other', params.name])
    const { body } = await ask('/mcp', user.headers, { method: 'prompts/get', params })
    t.match(body, { result: { messages: [{ content: { text: name } }] } })
  })
}
