import t from 'tap'
import { type Json, type Setting, url } from './setting.ts'

/** What a server wants back. */
export const testState = ({
  ask,
  askLegacy,
  broker,
  devices,
  forwarding,
  open,
  providers,
  recording,
  settle
}: Setting): void => {
  t.test(
    'what a server wants back comes back from whom it was given to, for the same request, and from nobody else',
    async (t) => {
      const user = devices.makeToken()
      const { tenant_id } = user
      const given: unknown[] = []
      recording.answer(({ state }) => {
        given.push(state)
        const asks = { resultType: 'input_required', inputRequests: {}, requestState: 'cart-17' }
        return state === undefined ? asks : { resultType: 'complete', content: [] }
      })
      const [here, there] = [forwarding(tenant_id), forwarding(tenant_id)]
      const params = { name: 'buy', arguments: { item: 1 } }
      const call = { method: 'tools/call', params }
      const first = await ask(url(here.server_identifier), user.headers, call)
      const { requestState } = Object(first.body.result)
      t.match(first.body.result, { resultType: 'input_required', inputRequests: {} })
      t.notMatch(requestState, 'cart-17')
      const again = (by: Json, at = here.server_identifier, changed: Json = {}) =>
        ask(url(at), by, { ...call, params: { ...params, requestState, ...changed } })
      t.match(await again(user.headers), { status: 200, body: { result: { resultType: 'complete' } } })

      const neighbour = devices.makeToken({ tenant_id })
      const stranger = devices.makeToken()
      const { provider_id: _, ...alike } = here
      providers.register({ ...alike, tenant_id: stranger.tenant_id })
      const key = broker.makeApiKey({ tenant_id, actsFor: [user.user_id] })
      const asApp = { ...key.headers, 'onbehalf-user-id': user.user_id }
      const cut = `${String(requestState).slice(0, -4)}AAAA`
      const refusals = {
        'another user': again(neighbour.headers),
        'another tenant': again(stranger.headers),
        'an app for the user': again(asApp),
        'another server': again(user.headers, there.server_identifier),
        'another tool': again(user.headers, here.server_identifier, { name: 'sell' }),
        'other arguments': again(user.headers, here.server_identifier, { arguments: { item: 2 } }),
        'a changed state': again(user.headers, here.server_identifier, { requestState: cut }),
        'the state in clear': again(user.headers, here.server_identifier, { requestState: 'cart-17' }),
        'no text': again(user.headers, here.server_identifier, { requestState: 17 })
      }
      const error = { code: -32602, message: /requestState is not one that you were given for this request/ }
      for (const [who, refused] of Object.entries(refusals)) t.match((await refused).body, { error }, who)
      const later = await open({}, () => new Date(Date.now() + 3_700_000))
      t.teardown(() => later.app.close())
      const late = { ...call, params: { ...params, requestState } }
      t.match((await ask(url(here.server_identifier), user.headers, late, later.app)).body, {
        error: { code: -32602, message: /requestState has expired/ }
      })
      providers.update(here.provider_id, {})
      await settle()
      t.match((await again(user.headers)).body, { error }, 'a server that was changed')
      t.same(given, [undefined, 'cart-17'], 'and the server heard of none of them')
    }
  )

  t.test('a server that asks a client in a session again and again is heard ten times', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id).server_identifier)
    recording.answer(() => ({ resultType: 'input_required', inputRequests: {} }))
    const greeted = await askLegacy(at, user.headers, 'initialize', { protocolVersion: '2025-11-25' })
    const session = { 'mcp-session-id': greeted.headers['mcp-session-id'] }
    const before = recording.calls().length
    const { body } = await askLegacy(at, user.headers, 'tools/call', { name: 'x' }, session)
    t.match(body, { error: { code: -32000, message: /more than 10 times/ } })
    t.equal(recording.calls().length, before + 11)
  })
}
