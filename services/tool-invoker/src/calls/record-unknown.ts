import { type ErrorCode, toReported } from '@onbehalf/errors'
import { type ActingTools, actingOf } from './acting.ts'
import type { AskedCall, CallContext } from './call-tool.ts'
import { beginRow } from './record.ts'
import type { Recorder } from './recorder.ts'

type Tools = ActingTools & { recorder: Pick<Recorder, 'reserve' | 'add'>; now: () => Date }
type Asked = Pick<AskedCall, 'server_identifier' | 'tool' | 'arguments' | 'user_id'>

const outcome: ErrorCode = 'not_found'

/** Leaves the record of a call to what there cannot be. Throws where whoever asks may not act so, or no call is recorded. */
export const recordUnknown = async (
  tools: Tools,
  asked: Asked,
  { caller }: Pick<CallContext, 'caller'>
): Promise<void> => {
  const row = beginRow(caller.principal, asked, tools.now())
  tools.recorder.reserve()
  try {
    const { principal } = await actingOf(tools, caller, asked)
    row.user_id = principal.user_id
    row.outcome = outcome
  } catch (thrown) {
    row.outcome = toReported(thrown).code
    throw thrown
  } finally {
    row.finished_at = tools.now()
    tools.recorder.add(row)
  }
}
