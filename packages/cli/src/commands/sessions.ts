import { Problem } from '../problem.ts'
import { cleanLine } from '../terminal/clean.ts'
import { type Command, isOn, printResult, signedIn } from './command.ts'

export const listSessions: Command = {
  name: 'sessions list',
  takes: '',
  summary: 'The devices you are signed in with',
  examples: ['onbehalf sessions list'],
  run: async (io, given) => {
    const { api, refusal } = await signedIn(io, given)
    const answer = await api.ask('GET /openapi/v1/account/sessions', { query: { limit: 200 } })
    if (answer.status !== 200) throw refusal(answer)
    const { data, has_more } = answer.body
    if (has_more) io.tell('There are more than these 200.')
    printResult(
      io,
      given,
      answer.body,
      data.map(({ id, device_label, client_id, last_used_at, is_current }) =>
        [id, device_label, client_id, last_used_at ?? 'never used', is_current ? 'this one' : '']
          .map((one) => cleanLine(one))
          .join('\t')
      )
    )
  }
}

export const revokeSessions: Command = {
  name: 'sessions revoke',
  takes: '[ID]',
  summary: 'Sign a device out: by its id, or all others',
  examples: ['onbehalf sessions revoke 01890a5d-ac96-774b-bcce-b302099a8057', 'onbehalf sessions revoke --others'],
  options: { others: { type: 'boolean', help: 'All but this one.' } },
  run: async (io, given) => {
    const { api, refusal } = await signedIn(io, given)
    const [id] = given.positionals
    if ((id === undefined) !== isOn(given, 'others')) throw new Problem('usage', 'Say which: its id, or --others.')
    const answer = id
      ? await api.ask('DELETE /openapi/v1/account/sessions/{id}', { path: { id } })
      : await api.ask('DELETE /openapi/v1/account/sessions', { query: { keep_current: true } })
    if (answer.status !== 200) throw refusal(answer)
    printResult(io, given, answer.body, [`Signed out: ${cleanLine(answer.body.revoked)}`])
  }
}
