import type { CredentialRow } from '../database.ts'
import type { Provider } from '../providers/provider.ts'
import type { AuthorizationAnswer } from './shapes.ts'

const nothing = {
  issuer: null,
  client_id: null,
  grant_type: null,
  scope: null,
  expires_at: null,
  authorized_at: null,
  refused_reason: null
}

/** A stored credential as it is shown: nothing of its tokens. */
export const authorizationOf = (
  { settings: { auth_scope } }: Provider,
  row: CredentialRow | undefined
): AuthorizationAnswer => {
  if (!row) return { auth_scope, status: 'none', ...nothing }
  const { issuer, client_id, grant_type, scope, expires_at, created_at, dead_reason, refused_reason } = row
  return {
    ...{ auth_scope, status: dead_reason === null ? 'authorized' : 'sign_in_again' },
    ...{ issuer, client_id, grant_type, scope },
    expires_at: expires_at?.toISOString() ?? null,
    authorized_at: created_at.toISOString(),
    refused_reason
  }
}
