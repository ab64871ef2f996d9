import { randomBytes } from 'node:crypto'
import {
  type DeviceSsoState,
  deviceSsoState,
  type ExternalSubject,
  externalSubjectAssertion,
  listDeviceKeys,
  startDeviceSso
} from '@onbehalf/contracts'
import type { ReportedError } from '@onbehalf/errors'
import { type Bus, call, createKeySet, serve, signTicket, type TicketContract, verifyTicket } from '@onbehalf/rpc'
import { recordSecrets } from '../test-run.ts'
import type { PlayedKey } from './keys.ts'

type Assertion = {
  key?: PlayedKey
  now?: () => number
  /** What is not as the contract has it. */
  contract?: Partial<TicketContract>
  claims?: object
}

export type PlayedDeviceSso = {
  /** What device-auth asked for, newest last. */
  states: () => readonly DeviceSsoState[]
  /** The next one that device-auth asks for is refused with this. */
  fail: (error: ReportedError) => void
  /** Shows another key, as before it signs. */
  showKey: (key: PlayedKey) => void
  /** Says whom the IdP identified for a flow. */
  assert: (subject: ExternalSubject, options?: Assertion) => Promise<string>
}

/** identity-broker's part of signing devices in by single sign-on, without an IdP. */
export const playDeviceSso = (bus: Bus, ownKey: PlayedKey) => {
  const keys = [ownKey]
  const states: DeviceSsoState[] = []
  const failures: ReportedError[] = []
  const findKey = createKeySet(async () => {
    const { device_sso = [] } = await call(bus, listDeviceKeys, {}, { deadlineAt: Date.now() + 20_000 })
    return device_sso
  })
  const served = serve(bus, startDeviceSso, async ({ state }) => {
    const read = await verifyTicket(deviceSsoState, state, { findKey })
    const failure = failures.shift()
    if (failure) throw failure
    states.push(read)
    const cookie = { name: `onbehalf_sign_in_${read.nonce.slice(0, 10)}`, value: random(), max_age: 600 }
    return { url: `https://idp.partner.example/authorize?state=${random()}`, cookie }
  })
  const played: PlayedDeviceSso = {
    states: () => states,
    showKey: (key) => {
      keys.push(key)
    },
    fail: (error) => {
      failures.push(error)
    },
    assert: async (subject, { key = ownKey, now = Date.now, contract = {}, claims = {} } = {}) => {
      const about = { issuer: 'identity-broker', key: key.signingKey, now }
      const said = { ...subject, ...claims }
      const { ticket } = await signTicket({ ...externalSubjectAssertion, ...contract }, said, about)
      recordSecrets([ticket])
      return ticket
    }
  }
  return { served, played, publicKeys: () => keys.map(({ publicKey }) => publicKey) }
}

const random = () => randomBytes(16).toString('base64url')
