import { hashOf } from '@onbehalf/service-kit'
import { actingOf } from '../calls/acting.ts'
import type { AskedCall, CallContext } from '../calls/call-tool.ts'
import { digestOf } from '../calls/digest.ts'
import { type PrepareTools, prepare } from '../calls/prepare.ts'
import { beginRow } from '../calls/record.ts'
import type { Recorder } from '../calls/recorder.ts'
import { refusalFor } from '../calls/refusal.ts'
import type { Once } from './call-once.ts'

type Tools = PrepareTools & { publicUrl: string; recorder: Pick<Recorder, 'reserve' | 'add'>; now: () => Date }

/** Whose key it is and what for, given a call that was asked for with one. */
export const onceOf = async (
  tools: Tools,
  key: string,
  asked: AskedCall,
  context: Pick<CallContext, 'caller' | 'traceparent'>
): Promise<Once> => {
  const { principal } = context.caller
  const { tenant_id } = principal
  const principal_id = principal.kind === 'app' ? principal.app_id : principal.user_id
  const acting = await actingOf(tools, context.caller, asked)
  const acting_id = acting.principal.user_id ?? principal_id
  const row = { ...beginRow(principal, asked, tools.now()), user_id: acting.principal.user_id }
  const { timeout_ms: _, ...body } = asked
  return {
    place: { tenant_id, principal_id, acting_id, key_hash: hashOf(key) },
    // With the key, which is stored nowhere, so that nobody can try arguments until they find the digest.
    body_digest: digestOf({ ...body, key }),
    authorise: async () => {
      try {
        await prepare(tools, asked, context, row)
      } catch (thrown) {
        throw refusalFor(thrown, tools.publicUrl)
      }
    },
    beginRecord: () => {
      tools.recorder.reserve()
      return (outcome) => tools.recorder.add({ ...row, outcome, finished_at: tools.now() })
    }
  }
}
