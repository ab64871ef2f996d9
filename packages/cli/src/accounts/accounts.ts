import { join } from 'node:path'
import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { directoryOf, readJson, writeJson } from './directory.ts'
import { findToken, forgetToken, keepToken, type Place } from './secrets.ts'

/** Somebody at a server. The token lies elsewhere. */
export type Account = { server: string; name: string; workspace_id?: string; expires_at: string; place: Place }
/** A sign-in that was begun and not waited for. */
export type Pending = { server: string; device_code: string; code_verifier: string; interval: number; ends_at: number }
type Kept = { accounts: Account[]; pending?: Pending }

const file = 'accounts.json'

/** The one signed in last comes first. */
export const readAccounts = (io: Io): Kept => {
  const stored: Partial<Kept> | undefined = JSON.parse(JSON.stringify(readJson(join(directoryOf(io), file)) ?? {}))
  return { accounts: stored?.accounts ?? [], ...(stored?.pending ? { pending: stored.pending } : {}) }
}

const keyOf = ({ server, name }: Pick<Account, 'server' | 'name'>): string => `${name} at ${server}`
const isSame = (one: Account, other: Pick<Account, 'server' | 'name'>): boolean => keyOf(one) === keyOf(other)

export const keepPending = (io: Io, pending: Pending | undefined): void => {
  const { accounts } = readAccounts(io)
  writeJson(directoryOf(io), file, { accounts, ...(pending ? { pending } : {}) })
}

type Workspace = { id: string; name: string }

/** What somebody is called here: by their workspace, too, where they are in another one of that server already. */
export const nameIn = (io: Io, { server, name }: Pick<Account, 'server' | 'name'>, workspace?: Workspace): string => {
  const held = readAccounts(io).accounts.find((one) => isSame(one, { server, name }))
  const isAnother = held?.workspace_id !== undefined && workspace !== undefined && held.workspace_id !== workspace.id
  return isAnother ? `${name} (${workspace.name})` : name
}

export const addAccount = async (io: Io, given: Omit<Account, 'place'>, token: string): Promise<Account> => {
  const account = { ...given, place: await keepToken(io, keyOf(given), token) }
  const { accounts } = readAccounts(io)
  writeJson(directoryOf(io), file, { accounts: [account, ...accounts.filter((one) => !isSame(one, account))] })
  return account
}

export const forgetAccount = async (io: Io, account: Account): Promise<void> => {
  await forgetToken(io, keyOf(account), account.place)
  const { accounts, ...rest } = readAccounts(io)
  writeJson(directoryOf(io), file, { ...rest, accounts: accounts.filter((one) => !isSame(one, account)) })
}

export type Chosen = { server?: string | undefined; account?: string | undefined }

export const findAccount = (io: Io, { server, account }: Chosen): Account | undefined =>
  readAccounts(io).accounts.find(
    (one) => (server === undefined || one.server === server) && (account === undefined || one.name === account)
  )

/**
 * Whose token a command uses: the one in `ONBEHALF_TOKEN`, or of the account that was named or signed in last. The first
 * goes to a server that was named and to no other: which account was used last says nothing of whose token that is.
 */
export const credentialOf = async (io: Io, chosen: Chosen): Promise<{ server: string; token: string }> => {
  const { ONBEHALF_TOKEN: given } = io.env
  if (given) {
    if (chosen.server) return { server: chosen.server, token: given }
    throw new Problem('usage', 'ONBEHALF_TOKEN is for one server: name it with --server or ONBEHALF_SERVER.')
  }
  const account = findAccount(io, chosen)
  const token = account && (await findToken(io, keyOf(account), account.place))
  if (account && token) return { server: account.server, token }
  const where = chosen.server ? ` --server ${chosen.server}` : ' --server URL'
  throw new Problem(
    'signIn',
    `You are not signed in${chosen.server ? ` at ${chosen.server}` : ''}. Sign in: onbehalf login${where}`
  )
}
