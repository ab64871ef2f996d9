import { ReportedError } from '@onbehalf/errors'
import type { IssuanceRecorder } from '../issuances/record.ts'
import type { UserStore } from '../users/store.ts'
import type { ExplainForUser } from './explain.ts'
import type { Minted, MintRequest, Modes } from './modes/mode.ts'

/** What is asked for: by whom, whom to act for, at which server, in which mode. All of it was verified. */
export type MintAsk = Omit<MintRequest, 'user'> & { tenant_id: string; user_id: string; mode: string }

export type MintToken = (ask: MintAsk) => Promise<Minted>

/** The token after one that this process saw end; undefined where it saw none. */
export type MintNextToken = (ask: MintAsk) => Promise<Minted | undefined>

type MintNeeds = { users: Pick<UserStore, 'find'>; modes: Modes; explain: ExplainForUser }

/** Mints anew, in the mode that is asked for, for a user who signed in once. */
export const createMintAnew =
  ({ users, modes, explain }: MintNeeds): MintToken =>
  async ({ tenant_id, user_id, mode, ...ask }) => {
    const { mint } = modeOf(modes, mode)
    const user = await users.find(tenant_id, user_id)
    if (user)
      return mint({ ...ask, user }).catch(async (error: unknown) => {
        throw await explain(user, error)
      })
    throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet. Please sign in at the connect_url.')
  }

export const createMintNext =
  (modes: Modes): MintNextToken =>
  async (ask) =>
    modeOf(modes, ask.mode).mintNext?.(ask)

/** What is good for more than one call comes from what is kept; the rest is made for its asker. */
export const createMint =
  ({ modes, mintKept, mintAnew }: { modes: Modes; mintKept: MintToken; mintAnew: MintToken }): MintToken =>
  async (ask) =>
    modeOf(modes, ask.mode).isReusable ? mintKept(ask) : mintAnew(ask)

/** Leaves a record of what was given, before it is, and of what was refused. */
export const createRecordedMint =
  (mint: MintToken, recorder: Pick<IssuanceRecorder, 'issued' | 'refused'>): MintToken =>
  async (ask) => {
    const minted = await mint(ask).catch((error: unknown) => {
      recorder.refused(ask, error)
      throw error
    })
    await recorder.issued(ask, minted)
    return minted
  }

const modeOf = (modes: Modes, name: string) => {
  const mode = modes.get(name)
  if (mode) return mode
  if (name === 'off') throw new ReportedError('policy_denied', 'This server gets no identity: its mode is off.')
  throw new ReportedError(
    'policy_denied',
    `The identity_mode "${name}" of this server is not known here. Choose another.`
  )
}
