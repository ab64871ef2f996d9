import type { Egress } from '@onbehalf/egress'
import type { Vault } from '@onbehalf/vault'
import type { Announce } from '../announce.ts'
import type { ConnectionStore } from './store.ts'

/** What those who manage connections work with; every verb names the part it uses. */
export type Desk = {
  connections: ConnectionStore
  vault: Pick<Vault, 'seal'>
  egress: Pick<Egress, 'request' | 'checkReachable'>
  announce: Announce
}
