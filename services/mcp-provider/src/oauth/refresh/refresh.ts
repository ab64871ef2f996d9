import { credentialOwner } from '@onbehalf/contracts'
import { createRefresher, type Exchange, type Refresher, type RefreshStore } from '@onbehalf/lease'
import { type Bus, call, serve } from '@onbehalf/rpc'
import type { AccessToken } from '../credential.ts'
import type { Material, Want } from './store.ts'

type Options = {
  store: RefreshStore<Material, Want, AccessToken>
  exchange: Exchange<Material, Want, AccessToken>
  instance: string
}

export type CredentialRefresher = Refresher<Want, AccessToken>

/** How long another replica has to say that it still waits for what it sent. */
const askOwnerMs = 500

/** The refresher of this replica; others are asked over NATS whether they still wait for an answer. */
export const createCredentialRefresher = (bus: Bus, { instance, ...options }: Options): CredentialRefresher =>
  createRefresher({
    ...options,
    owner: instance,
    isOwnerWaiting: async (owner, credential_id) => {
      const asked = call(bus, credentialOwner, { owner, credential_id }, { deadlineAt: Date.now() + askOwnerMs })
      return asked.then(
        ({ is_waiting }) => is_waiting,
        // Silence says that it is gone; but who cannot ask has not heard silence.
        () => !bus.isConnected()
      )
    }
  })

/** Answers the other replicas, when it is this one that they mean. */
export const serveCredentialOwner = (
  bus: Bus,
  { instance, refresher }: { instance: string; refresher: Pick<CredentialRefresher, 'isRunning'> },
  report: (failure: { subject: string; error: unknown }) => void
) =>
  serve(
    bus,
    credentialOwner,
    async ({ owner, credential_id }) =>
      owner === instance ? { is_waiting: refresher.isRunning(credential_id) } : undefined,
    report
  )
