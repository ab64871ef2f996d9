import type { RefreshStore } from '@onbehalf/lease'
import type { RunPrepared } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Database } from '../../database.ts'
import type { IssuanceRecorder } from '../../issuances/record.ts'
import { isUndone } from '../../together/items-store.ts'
import { mintedTokenPlace, refreshTokenPlace } from '../place.ts'
import type { GrantStore } from '../store.ts'
import { recordOf } from './answer-record.ts'
import { type Answered, answerStore } from './answer-store.ts'
import { leaseStore } from './lease-store.ts'
import { lookStore } from './look-store.ts'
import type { Brought, Material, PresentedGrant, Want, Wanted } from './minted-token.ts'
import { openSeen } from './seen.ts'

type Needs = {
  db: Kysely<Database>
  runPrepared: RunPrepared
  vault: Vault
  grants: Pick<GrantStore, 'kill'>
  revoke: (material: Material, refreshToken: string) => Promise<void>
  onDead: (grantId: string) => Promise<void>
  recorder: Pick<IssuanceRecorder, 'recorded'>
}

/** The rows of a grant and of what it brought, as the refresher asks for them: each method is one statement. */
export const refreshStore = (needs: Needs): RefreshStore<Material, Wanted, Brought> => {
  const { db, runPrepared, vault, grants, revoke, onDead, recorder } = needs
  const look = lookStore(runPrepared)
  const leases = leaseStore(db, runPrepared)
  const keep = answerStore(runPrepared)

  const sealBrought = async (grant: PresentedGrant, want: Want, { token: minted, refusal }: Brought) => {
    if (!minted) return refusal
    const { generation: _, token, ...told } = minted
    return { ...told, token: (await vault.seal(token, mintedTokenPlace(grant, want))).toString('base64') }
  }

  /** Nothing that may be wrong with a record costs anybody the refresh token. */
  const keepRecorded = async (answer: Answered, record: ReturnType<typeof recordOf>): Promise<number | null> => {
    if (!record) return keep(answer)
    try {
      const epochNow = await keep({ ...answer, ...record.columns })
      if (epochNow === answer.epoch) recorder.recorded(record.key)
      return epochNow
    } catch (error) {
      if (isUndone(error)) return keep(answer)
      throw error
    }
  }

  return {
    look: async (id, wanted) => {
      const want = wantOf(wanted)
      const seen = await look({ id, ...want })
      return seen ? openSeen(vault, { id, want, seen }) : undefined
    },

    take: async (claim, leaseMs, want) => {
      const taken = await leases.take({ ...claim, leaseMs, ...(want && wantOf(want)) })
      if (!taken) return undefined
      const { refresh_token, ...grant } = taken
      const refreshToken = await vault.open(refresh_token, refreshTokenPlace(grant))
      return { ...claim, epoch: grant.epoch, material: { grant, refreshToken } }
    },

    finish: async ({ id, epoch, generation, material: presented }, wanted, { material, token: brought }) => {
      const { asker, ...want } = wanted
      const next = { ...presented.grant, generation: generation + 1 }
      const sealed = await vault.seal(material?.refreshToken ?? presented.refreshToken, refreshTokenPlace(next))
      const refresh_token = sealed.toString('base64')
      const kept = await sealBrought(next, want, brought)
      const answer = { id, epoch, generation, refresh_token, ...want, ...kept }
      const epochNow = await keepRecorded(answer, recordOf(wanted, brought))
      if (epochNow === null) return 'lost'
      // Emptied while it was fetched: the refresh token counts, the token is fetched again.
      return epochNow === epoch ? 'kept' : 'emptied'
    },

    discard: async ({ id, material: presented }, { material }) => {
      // A new sign-in may share the IdP's own grant with what was fetched: revoking would end that one too.
      if (material && !(await leases.isAlive(id))) await revoke(presented, material.refreshToken)
    },

    release: leases.release,

    kill: async ({ id, generation, attempt }, reason) => {
      const tenant_id = await leases.tenantOf(id)
      const isKilled = tenant_id !== undefined && (await grants.kill(tenant_id, id, reason, { generation, attempt }))
      if (isKilled) await onDead(id)
      return isKilled
    }
  }
}

const wantOf = ({ audience, mode, scopes }: Wanted): Want => ({ audience, mode, scopes })
