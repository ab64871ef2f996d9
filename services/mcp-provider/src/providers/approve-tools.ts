import { ReportedError } from '@onbehalf/errors'
import type { Asker } from '../asker.ts'
import type { SeenTool } from '../tools/tool.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { invalid } from './problems.ts'
import { findProvider, readProvider } from './read.ts'
import type { ProviderAnswer } from './shapes.ts'

/** Lets tools be called as they were seen; refused as a whole where one of them is another meanwhile. */
export const approveTools = async (
  desk: Desk,
  asker: Asker,
  { id, tools }: { id: string; tools: SeenTool[] }
): Promise<ProviderAnswer> => {
  const names = tools.map(({ name }) => name)
  if (new Set(names).size < names.length) throw invalid('tools', 'names a tool twice')
  const provider = await findProvider(desk, asker.tenant_id, id)
  const approved = await desk.tools.approve(id, tools, providerEvent(asker, 'tools_approved', id, { tools: names }))
  const gone = names.filter((name) => !approved.includes(name))
  if (gone.length > 0) throw notAsSeen(names, gone)
  desk.publishTools(provider)
  return readProvider(desk, asker, id)
}

const notAsSeen = (names: string[], gone: string[]) =>
  new ReportedError('conflict', 'Some of these tools are others by now, or gone. Read them and try again.', {
    details: gone.map((name) => ({ path: `tools.${names.indexOf(name)}`, message: 'is not as it was seen' }))
  })
