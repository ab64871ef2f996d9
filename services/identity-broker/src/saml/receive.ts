import type { ConnectionStore } from '../connections/store.ts'
import { changedMeanwhile, failed } from '../sign-in/failed.ts'
import type { UserStore } from '../users/store.ts'
import { sidesOf } from './addresses.ts'
import type { SamlExchanges } from './exchanges.ts'
import { personFrom } from './person.ts'
import { samlOf } from './settings.ts'
import { SamlRefusal, wordsOf } from './structure.ts'
import { verifyResponse } from './verify-response.ts'

export type ReceiveNeeds = {
  users: Pick<UserStore, 'findTenant'>
  connections: Pick<ConnectionStore, 'find'>
  samlExchanges: Pick<SamlExchanges, 'takeRequest' | 'isFirstUse' | 'keepResult'>
  publicUrl: string
}

/** What an IdP had a browser post, and at which path. */
export type Posted = { path: string; response: string; state: string }

/**
 * Verifies what an IdP answered, and keeps who it names for the browser that began: the answer is the handle. It answers
 * a request of ours, each once: what an IdP says unasked is refused. Throws `sign_in_failed`; then nothing was stored.
 */
export const receiveResponse = async (
  { users, connections, samlExchanges, publicUrl }: ReceiveNeeds,
  { path, response, state }: Posted
): Promise<string> => {
  const request = await samlExchanges.takeRequest(state)
  if (!request) throw failed('This sign-in has ended, was used already, or did not begin here.')
  const { tenant_id, connection_id, request_id } = request
  const [tenant, connection] = await Promise.all([
    users.findTenant(tenant_id),
    connections.find(tenant_id, connection_id)
  ])
  if (!tenant || !connection) throw changedMeanwhile()
  const sides = sidesOf(publicUrl, tenant, connection)
  if (sides.acsUrl !== `${publicUrl}${path}`) throw failed('The answer came back as that of another identity provider.')
  const settings = samlOf(connection)
  const assertion = await verifyResponse(response, settings, sides, request_id).catch((cause: unknown) => {
    throw failed(cause instanceof SamlRefusal ? wordsOf(cause) : undefined, cause)
  })
  if (!(await samlExchanges.isFirstUse(connection_id, assertion.id))) throw failed('This answer was used already.')
  const { authTime: auth_time } = assertion
  return samlExchanges.keepResult(state, { ...personFrom(assertion, settings), ...(auth_time ? { auth_time } : {}) })
}
