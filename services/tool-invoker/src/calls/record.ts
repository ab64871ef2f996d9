import type { Principal } from '@onbehalf/contracts'
import { newId } from '@onbehalf/service-kit'
import type { CallTable } from '../database.ts'
import { digestOf } from './digest.ts'

/** The record of a call while it is made: filled in as more becomes known. */
export type CallRow = CallTable

type Asked = { server_identifier: string; tool: string; arguments: Record<string, unknown> }

/** The record of a call that begins now. Throws `invalid_arguments` where the arguments have no digest. */
export const beginRow = (principal: Principal, asked: Asked, started_at: Date): CallRow => ({
  id: newId(),
  kind: 'outcome',
  call_id: null,
  tenant_id: principal.tenant_id,
  user_id: principal.user_id,
  app_id: principal.kind === 'app' ? principal.app_id : null,
  credential_kind: principal.credential.kind,
  credential_id: principal.credential.id,
  provider_id: null,
  server_identifier: asked.server_identifier,
  tool: asked.tool,
  tool_hash: null,
  arguments_digest: digestOf(asked.arguments),
  arguments: null,
  mode: null,
  audience: null,
  subject: null,
  token_jti: null,
  outcome: 'internal',
  upstream_status: null,
  started_at,
  finished_at: started_at
})

/** That a call is about to be made. */
export const intentOf = (row: CallRow): CallRow => ({
  ...row,
  ...{ id: newId(), kind: 'intent', call_id: row.id, outcome: 'begun' }
})
