import type { Caller } from '@onbehalf/service-kit'
import { RpcFault, rpcCodes } from '../endpoint/rpc.ts'
import { keyOf, type Owner, type SessionStore, type StoredSession } from './store.ts'

/**
 * A client's session, as one of its requests finds it. `key` is what it goes by among us; the id is the client's. What
 * servers keep for it is over with it and with its credential: `upstream` names both.
 */
export type Session = StoredSession & { id: string; key: string; upstream: string; owner: Owner }

/** Who uses a session, and where: the same credential, which a renewed token still is, for the same user. */
export type SessionUse = { caller: Caller; server_identifier: string | undefined; user_id: string | undefined }

export const ownerOf = ({ caller: { principal }, server_identifier, user_id }: SessionUse): Owner => {
  const { tenant_id, credential } = principal
  const holder = principal.kind === 'app' ? `app:${principal.app_id}` : `user:${principal.user_id}`
  const who = [tenant_id, holder, user_id ?? null, credential.kind, credential.id, server_identifier ?? null]
  // What one key or device begins, or an app for one user, is over for no other's sake.
  return {
    ...{ tenant_id, principal: `${tenant_id}:${holder}`, who: JSON.stringify(who) },
    holder: [tenant_id, holder, credential.id, user_id ?? ''].join(':')
  }
}

/** Throws `RpcFault` with 404 where it is over, or not this caller's: its client begins another one. */
export const findSession = async (
  { sessions, now }: { sessions: Pick<SessionStore, 'find'>; now: () => Date },
  id: string,
  use: SessionUse
): Promise<Session> => {
  const owner = ownerOf(use)
  const stored = await sessions.find(id, owner, now())
  const key = keyOf(id)
  if (stored) return { ...stored, id, key, upstream: `${key} ${use.caller.principal.credential.id}`, owner }
  throw new RpcFault(rpcCodes.noSession, 'There is no such session here, or it is over. Begin one with initialize.', {
    status: 404
  })
}
