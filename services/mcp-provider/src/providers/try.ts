import type { Asker } from '../asker.ts'
import { settingsOf } from './apply-change.ts'
import { checkException, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import type { Trial, TriedProvider } from './shapes.ts'

const unnamed = { name: 'A trial', server_identifier: 'a-trial' } as const

/** What the server of such a provider would offer; nothing is stored. */
export const tryProvider = async (
  { checkReachable, tryTools }: Pick<Desk, 'checkReachable' | 'tryTools'>,
  asker: Asker,
  given: TriedProvider
): Promise<Trial> => {
  const settings = settingsOf({ ...unnamed, ...given })
  checkException(settings, undefined, asker.isOwner)
  await checkSettings(settings, undefined, checkReachable)
  const { tools_status, tools_error, ...listed } = await tryTools({ tenant_id: asker.tenant_id, settings })
  const { tools = [], left_out = [] } = 'tools' in listed ? listed : {}
  return { tools_status, tools_error, tools, tools_left_out: left_out }
}
