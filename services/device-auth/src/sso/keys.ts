import { listBrokerKeys } from '@onbehalf/contracts'
import { type Bus, call, createKeySet, type FindKey } from '@onbehalf/rpc'
import type { SigningKeys } from '@onbehalf/service-kit'

/** identity-broker's keys for what it says of single sign-on, which sign nothing else. */
export const findBrokerKeys = (bus: Bus): FindKey =>
  createKeySet(async (issuer) => {
    if (issuer !== 'identity-broker') return []
    const { device_sso = [] } = await call(bus, listBrokerKeys, {}, { deadlineAt: Date.now() + 5_000 })
    return device_sso
  })

/** Our own; they are at hand, so each new one is known at once. */
export const findOwnKeys = ({ publicKeys }: Pick<SigningKeys, 'publicKeys'>): FindKey =>
  createKeySet(async (issuer) => (issuer === 'device-auth' ? publicKeys() : []), { askAgainMs: 0, refreshMs: 0 })
